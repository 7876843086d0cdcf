-- SPDX-License-Identifier: MIT
-- The views of `tirta query`. The tables, {flow} and {water} are filled in by tirta.tables.query:
-- where their files are, and the channel names of a kind, so that nobody reads the other channels' row groups.
CREATE VIEW records AS FROM {records};
CREATE VIEW all_events AS FROM {events};
CREATE VIEW holes AS FROM {holes};
CREATE VIEW channels AS FROM {channels};
CREATE VIEW pages AS FROM {pages};

-- What happened; checkpoints are bookkeeping.
CREATE VIEW events AS FROM all_events WHERE kind <> 'checkpoint';

-- Flow of whatever meter in litres a second, and the volume of each interval in litres.
CREATE VIEW flow AS
SELECT r.node, r.time_utc, r.time_quality, r.epoch, r.number, r.channel,
    CASE WHEN c.ml > 0 THEN r.value * c.ml / c.ml_ms
        WHEN c.unit = 'L/s' THEN r.value
        WHEN c.unit = 'L/min' THEN r.value / 60
        WHEN c.unit = 'L/h' THEN r.value / 3600
        WHEN c.unit = 'm3/h' THEN r.value / 3.6 END AS litres_per_s,
    litres_per_s * c.step_ms / 1000 AS litres, c.step_ms, r.flag, r.month
FROM records r JOIN channels c USING (node, epoch, config, channel)
WHERE r.channel IN ({flow}) AND c.quantity = 'flow' AND r.channel = c.source;

-- What the water is like.
CREATE VIEW quality AS
SELECT r.node, r.time_utc, r.time_quality, r.epoch, r.number, r.channel, c.quantity, r.value,
    r.unit, r.flag, r.month
FROM records r JOIN channels c USING (node, epoch, config, channel)
WHERE r.channel IN ({water}) AND c.quantity IN ({quantities}) AND r.channel = c.source;

-- How much of what a day should have is there: `expected` values if the node had run all day.
CREATE VIEW completeness AS
SELECT r.node, r.channel, r.time_utc::DATE AS day, 86400000 // any_value(c.step_ms) AS expected,
    count(r.value) AS present, count(*) FILTER (r.flag IN (1, 2)) AS good,
    count(*) FILTER (r.flag = 3) AS suspect, count(*) FILTER (r.flag = 4) AS failed,
    count(*) FILTER (r.flag = 9) AS missing
FROM records r JOIN channels c USING (node, epoch, config, channel)
WHERE r.time_utc IS NOT NULL
GROUP BY ALL;
