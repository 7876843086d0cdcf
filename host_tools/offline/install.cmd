@echo off
rem SPDX-License-Identifier: MIT
rem Install Tirta from this folder, or bring an installation up to date. Needs Python 3.11 or newer, no network.
rem Memasang Tirta dari map ini, atau memperbaruinya. Perlu Python 3.11 atau lebih baru, tanpa jaringan.
setlocal
if "%TIRTA_HOME%"=="" set "TIRTA_HOME=%LOCALAPPDATA%\tirta\venv"
if "%PYTHON%"=="" set "PYTHON=py -3"
%PYTHON% -c "import sys; sys.exit(sys.version_info < (3, 11))"
if errorlevel 1 (
    echo Tirta needs Python 3.11 or newer, from python.org or the Microsoft Store. 1>&2
    exit /b 1
)
%PYTHON% -m venv "%TIRTA_HOME%"
if errorlevel 1 exit /b 1
"%TIRTA_HOME%\Scripts\python.exe" -m pip install --quiet --disable-pip-version-check --no-index --find-links "%~dp0wheels" --upgrade "tirta[query,fast]"
if errorlevel 1 (
    echo This folder has no wheels for this Python: make it again with that target. 1>&2
    exit /b 1
)
"%TIRTA_HOME%\Scripts\tirta.exe" --version
echo The command is "%TIRTA_HOME%\Scripts\tirta.exe". Add that folder to your PATH to call it tirta.
