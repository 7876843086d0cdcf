# SPDX-License-Identifier: MIT
"""What goes wrong in a trial of flash_faults.py, drawn from its number: which lie, from which
operation on, how long, in which blocks; damage at rest; where the power fails; what a laptop does.
"""

from lies import ALWAYS, EFFECTS, ONCE, READ, Lie
from lying_flash import SHAPES
from nor import BLOCK, ERASE, PROGRAM, Random

JOURNAL = 4  # pages of it
# Records of a boot; after a fault that began in the start; through some chunks and a page or two.
RECORDS, _FEW, _MANY = 26, 12, 240
# What is done shows, or fails, later.
_LATE = "fades", "wrap", "later", "error-later", "weak", "disturb"
# Cells at random: of a mark of two bytes now and then none is wrong.
_RANDOM = "bits", "extra"
_MINUTES_MS = 90000
_ELSEWHERE = "foreign", "other", "foreign", "near", "foreign", "old"
_BRIEF_MS = 50, 100, 200, 400
_TIMES = (ONCE, ONCE, ONCE, 2, 3, 5, 20, 100)
_MS = (100, 300, 500, 1500, 5000, 20000, 90000, 600000, 7200000)
_SHORT = 5  # of _TIMES: those of further lies
_MORE = 7  # of them at most
_FEW_LIES = 2
_CUTS = 4  # programs of a start that are cut
# What a block does that wears out.
_WORN = (
    (ERASE, ("error", "error-half", "nothing", "half", "stays")),
    (PROGRAM, ("error", "error-half", "nothing", "half", "bits", "stays")),
    ("all", ("all locked", "all refused")),
)
_BEHIND = 140  # operations: what a start of nine pages makes before it writes, and some


class Plan:
    """`lies` are in force from the first start on, `again` from the second; `cut` is what
    LyingFlash.cut_at takes. `flips`: how many bits flip while the power is off, before the start
    `flips_at` (0 or 1), `where`: 0 anywhere, 1 in the newest page of the journal, 2 in that of the
    log, 3 at the end of either.
    """

    def __init__(self):
        self.lies = []
        self.again = []
        self.cut = None
        self.records = 0  # of each boot but a last one
        self.flips = 0
        self.flips_at = 0
        self.where = 0
        self.restarts = False  # the power fails behind the first boot, wherever that is
        self.heals = False  # the flash is well by then
        self.stops = False  # else it ends in order, if it can
        self.changes = False  # and has another config then
        self.hasty = False  # the slack between samples is too short for an erase
        self.last = False  # one more start at the end
        self.pulled_at = -1  # before which record a laptop says what it has
        self.commit_at = -1  # and asks for all of it
        self.pace_ms = 0  # beside the interval, so that a minute passes
        self.start_reads = 0  # of a start of its base
        self.late = 0  # operations at least until cells fall that a cut left
        self.cuts = ()  # in which program each start behind the first one is cut, before the last
        self.causes = (1,)  # of the starts, in turn
        self.text = ""

    def move(self, places):
        """For a trial of which the start has changed: (from which operation on, how often) of each
        lie, where its fault lies now; None leaves one alone.
        """
        for lie, place in zip(self.lies + self.again, places):
            if place is not None:
                lie.wait_for(*place)
        if places:
            self.text = _text(self)

    def wait(self, more, counts):
        """What begins behind the first program of a start begins so many operations later, by kind;
        `counts` of its base.
        """
        start = counts[PROGRAM][0]
        behind = {PROGRAM: 1, READ: counts[READ][0] - start, "all": counts["all"][0] - 2 * start}
        for lie in self.lies + self.again:
            if more.get(lie.kind) and lie.first > behind[lie.kind]:
                lie.wait_for(lie.first + more[lie.kind], lie.times)
        if more[PROGRAM] and self.cut and self.cut[0] == PROGRAM and self.cut[1] > 1:
            self.cut = PROGRAM, self.cut[1] + more[PROGRAM], self.cut[2]

    def is_borne(self):
        """Whether this is of the classes of which firmware/DESIGN.md says that no rule breaks: not
        several flipped bits; no programs or erases that fail one in n; none that show later, fade,
        or wrap, more than once or beside several other lies; no reads that are misled in the same
        way for longer than a start, or show the state before a program that goes wrong; no random
        cells for minutes; no flipped bit beside other pages that are hit more than once.
        """
        lies = self.lies + self.again
        programs = any(lie.kind == PROGRAM for lie in lies)
        for lie in lies:
            if lie.effect == "old" and lie.times != ONCE and programs:
                return False
            if lie.effect in _RANDOM and lie.times == ALWAYS and lie.ms > _MINUTES_MS:
                return False
            if self.flips and lie.kind != READ and lie.effect == "other" and lie.times != ONCE:
                return False
            late = lie.effect in _LATE and (lie.times != ONCE or len(self.lies) > _FEW_LIES)
            often = lie.odds > 1 and lie.kind != READ
            if late or often or lie.is_steady(self.start_reads):
                return False
        return self.flips <= 1


def draw(base, seed, turn):
    """The Plan of the `turn`-th trial of this base: faults visit one operation after the other."""
    random = Random(seed)
    plan = Plan()
    plan.start_reads = base.counts[READ][0]
    plan.records = _FEW if turn & 1 else RECORDS if random.next() % 6 else _MANY
    kind = _kind(random, base)
    plan.lies.append(_lie(random, kind, base, turn, plan.records))
    if random.next() % 8 == 0:
        plan.lies.append(_lie(random, _kind(random, base), base, random.next()))
    for _ in range(random.next() % (_MORE + 1)):
        lie = _lie(random, _kind(random, base), base, random.next(), plan.records, True)
        plan.lies.append(lie)
    if random.next() % 8 == 0:
        plan.flips = 1 if random.next() % 4 else 1 + random.next() % 40
        plan.where = random.next() % 4
        plan.flips_at = random.next() % 2
        if random.next() % 2:
            plan.lies = []
    if random.next() % 3 == 0 or plan.flips_at:
        plan.restarts = True
        plan.heals = random.next() % 2 == 0
        plan.stops = random.next() % 3 == 0
        plan.changes = plan.stops and random.next() % 2 == 0
        if not plan.stops and random.next() % 4:
            kind = (PROGRAM, PROGRAM, PROGRAM, ERASE)[random.next() % 4]
            most = base.counts[kind][2] + 1
            plan.cut = kind, 1 + random.next() % most, SHAPES[random.next() % len(SHAPES)]
        if random.next() % 4 == 0:
            plan.again.append(_lie(random, READ, base, random.next()))
    plan.hasty = random.next() % 4 == 0
    plan.last = random.next() % 2 == 0
    if random.next() % 4 == 0:
        plan.pulled_at = random.next() % _FEW
    if random.next() % 5 == 0:
        plan.commit_at = random.next() % RECORDS
    if random.next() % 3 == 0:
        plan.pace_ms = 61000
    plan.text = _text(plan)
    return plan


def draw_cut(base, seed, turn):
    """No lies: one of the first programs of a start is cut, shows nothing, and its cells fall when
    the next start has programmed something.
    """
    plan = Plan()
    plan.start_reads = base.counts[READ][0]
    plan.records = _FEW
    plan.restarts = True
    plan.cut = PROGRAM, 1 + turn % _CUTS, "later"
    plan.late = _BEHIND
    plan.last = turn // _CUTS % 2 == 0
    plan.text = _text(plan)
    return plan


def draw_causes(base, seed, turn):
    """As `draw_cut`, with one cause for the start that is cut and another for the next."""
    plan = draw_cut(base, seed, turn)
    plan.causes = 1, 2 + turn % 4
    return plan


def draw_cuts(base, seed, turn):
    """As `draw_cut`, and up to four more starts are cut like that before one is not."""
    random = Random(seed)
    plan = draw_cut(base, seed, turn)
    plan.late = random.next() % (3 * _BEHIND)
    plan.cuts = tuple(1 + random.next() % _CUTS for _ in range(1 + random.next() % 4))
    return plan


def draw_worn(base, seed, turn):
    """A block or two that take no more erases, no more programs or neither, for good."""
    random = Random(seed)
    plan = _quiet(base, random)
    kind, effects = _WORN[turn % len(_WORN)]
    most = base.counts[kind][2] if kind != "all" else base.counts[PROGRAM][2]
    lie = Lie(kind, effects[random.next() % len(effects)], 1 + random.next() % (most + 1))
    lie.wait_for(lie.first, ALWAYS)
    lie.scope = "block"
    lie.lasts = True
    lie.wide = 1 + turn // len(_WORN) % 2
    plan.lies.append(lie)
    plan.text = _text(plan) + "; %d blocks wide" % lie.wide
    return plan


def draw_warm(base, seed, turn):
    """Reads of two or three blocks that lie side by side go wrong while it is warm: it comes and
    goes, for hours.
    """
    random = Random(seed)
    plan = _quiet(base, random)
    effects = "error", "flip", "line", "noise", "flicker", "spot", "part"
    lie = Lie(READ, effects[turn % len(effects)], 1, ALWAYS)
    first = random.next() % (base.blocks - 2)
    lie.scope = range(first, first + 2 + random.next() % 2)
    lie.beat_ms = _MS[random.next() % len(_MS)]
    if random.next() % 2:
        lie.odds = 2 + random.next() % 8
    plan.lies.append(lie)
    plan.text = _text(plan) + ", blocks %d on, %d ms in turn" % (first, lie.beat_ms)
    return plan


def draw_elsewhere(base, seed, turn):
    """For less than a start reads go wrong, mostly to another page or another partition."""
    random = Random(seed)
    plan = _quiet(base, random)
    effects = _ELSEWHERE if turn & 2 else EFFECTS[READ]
    start, _, both = base.counts[READ]
    first = 1 + (turn >> 2) % start if turn & 1 else 1 + random.next() % both
    lie = Lie(READ, effects[random.next() % len(effects)], first)
    if random.next() % 2:
        lie.wait_for(first, ALWAYS)
        lie.ms = _BRIEF_MS[random.next() % len(_BRIEF_MS)]
    else:
        lie.wait_for(first, _TIMES[random.next() % len(_TIMES)])
    scope = random.next() % 4
    if scope < 2:
        lie.scope = "block"
        lie.wide = 1 + random.next() % 2
    elif scope == 2:
        lie.scope = range(JOURNAL) if random.next() % 2 else range(JOURNAL, base.blocks)
    plan.lies.append(lie)
    plan.text = _text(plan)
    return plan


def _quiet(base, random):
    """A Plan without a fault, of a long run, some with a restart in it."""
    plan = Plan()
    plan.start_reads = base.counts[READ][0]
    plan.records = _MANY if random.next() % 2 else RECORDS
    plan.restarts = random.next() % 2 == 0
    plan.stops = random.next() % 3 == 0
    plan.last = random.next() % 2 == 0
    plan.hasty = random.next() % 4 == 0
    if random.next() % 3 == 0:
        plan.pace_ms = 61000
    return plan


def _kind(random, base):
    """Reads are many, and erases few: each gets its share of the faults."""
    kind = (READ, READ, PROGRAM, PROGRAM, ERASE, "all")[random.next() % 6]
    return kind if base.counts[kind][2] else PROGRAM


def _lie(random, kind, base, turn, records=RECORDS, short=False):
    """Those of odd turns begin in the start; a short one is over after a few operations."""
    start, _, both = base.counts[kind]
    both = both * max(records, RECORDS) // RECORDS  # a longer run has more of them
    first = 1 + (turn >> 1) % start if start and turn & 1 else 1 + random.next() % both
    effects = EFFECTS[kind]
    effect = effects[random.next() % len(effects)]
    while short and effect in _LATE:
        effect = effects[random.next() % len(effects)]
    times, ms = ALWAYS, ALWAYS
    how = random.next() % 8
    if short:
        times = _TIMES[random.next() % _SHORT]
    elif how < 4:
        times = _TIMES[random.next() % len(_TIMES)]
    elif how < 7:
        ms = _MS[random.next() % len(_MS)]
    scope = random.next() % 8
    if scope < 5:
        scope = "all"
    elif scope < 7:
        scope = "block"
    else:
        scope = range(JOURNAL) if random.next() % 2 else range(JOURNAL, base.blocks)
    lie = Lie(kind, effect, first, times, ms, scope)
    if times != ONCE and not short and random.next() % 6 == 0:
        lie.odds = 2 + random.next() % 8
    return lie


def bits(plan, random, newest, size):
    """The bits that flip; `newest`: (block, end of what lies there) of the newest page of the log,
    and of the journal; `size` of the partition.
    """
    found = []
    for _ in range(plan.flips):
        block, end = newest[plan.where % 2 if plan.where < 3 else random.next() % 2]
        at = block * BLOCK + random.next() % end
        if plan.where == 0:
            at = random.next() % size
        elif plan.where == 3:
            at = block * BLOCK + end - 1 - random.next() % min(end, 100)
        found.append(at * 8 + random.next() % 8)
    return found


def _text(plan):
    """For a person."""
    parts = [_told(lie) for lie in plan.lies]
    if plan.flips:
        places = "anywhere", "in the newest page of the journal", "in that of the log", "at the end"
        when = "between the starts" if plan.flips_at else "before"
        parts.append("%d bits flip %s, %s" % (plan.flips, places[plan.where], when))
    if plan.cut:
        parts.append("cut at %s %d, %s" % plan.cut)
    elif plan.restarts:
        ends = "ends in order, then another config" if plan.changes else "ends in order"
        parts.append(ends if plan.stops else "power off")
    if plan.restarts:
        parts.append("well by then" if plan.heals else "still so")
    if plan.cuts:
        parts.append("cut again at programs %r" % (plan.cuts,))
    if len(plan.causes) > 1:
        parts.append("other causes")
    parts += ["then " + _told(lie) for lie in plan.again]
    if plan.pulled_at >= 0:
        parts.append("pulled before record %d" % plan.pulled_at)
    if plan.commit_at >= 0:
        parts.append("asked for all behind record %d" % plan.commit_at)
    if plan.pace_ms:
        parts.append("a record a minute")
    if plan.records == _MANY:
        parts.append("a long run")
    if plan.hasty:
        parts.append("no time for an erase")
    if plan.last:
        parts.append("one more start")
    return "; ".join(parts)


def _told(lie):
    text = "%s from %d" % (lie.effect, lie.first)
    if lie.kind != "all":
        text = lie.kind + " " + text
    if lie.times != ALWAYS:
        text += " %d times" % lie.times
    elif lie.ms != ALWAYS:
        text += " for %d ms" % lie.ms
    else:
        text += " for ever"
    if lie.odds > 1:
        text += ", one in %d" % lie.odds
    if lie.scope == "block":
        text += " in one block"
    elif lie.scope != "all":
        text += " in the " + ("log" if JOURNAL in lie.scope else "journal")
    return text
