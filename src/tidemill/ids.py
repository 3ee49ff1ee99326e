"""Identifiers: made by whoever creates a thing, so that clients can work offline."""

import re
import secrets

_RUN_ID = re.compile(r"[a-zA-Z0-9][\w-]{0,255}")

_ADJECTIVES = (
    "able amber ancient aspiring awesome big bold brave bright calm capable chill clean clever crisp curious "
    "daring debonair delicate dazzling eager early earnest fearless fine flawless fleet frank gentle glad "
    "golden grand handsome hardy honest humble icy invincible jolly judicious keen kindly legendary likeable "
    "lively lucky luminous lyrical mellow merciful mighty monumental nimble noble orderly patient peaceful "
    "placid polite proud quick quiet radiant rare resilient righteous salty serious shining silent skillful "
    "smooth spiffy stately sunny swift thoughtful traveling trusting unique upbeat useful valuable vaunted "
    "warm welcoming wise worried youthful zealous"
).split()
_NOUNS = (
    "ant ape auk bass bat bear bee bird boar bug calf carp cat chimp cod colt conch cow crab crane crow cub "
    "deer dog dolphin dove duck eel elk finch fish flea fly foal fowl fox frog gnat goat goose grouse grub "
    "gull hare hawk hen hog horse hound jay kit kite koi lamb lark loon lynx mare midge mink mole moose moth "
    "mouse mule newt owl ox panda penguin perch pig pug quail ram rat ray robin roo rook seal shad shark sheep "
    "shoat shrew shrike shrimp skink skunk sloth slug smelt snail snake snipe sow sponge squid squirrel stag "
    "steed stoat stork swan tern toad trout turtle vole wasp whale wolf worm wren yak zebra"
).split()


def new_run_id() -> str:
    """A fresh run id: 32 lower-case hex digits."""
    return secrets.token_hex(16)


def new_model_id() -> str:
    """A fresh logged-model id: `m-` and 32 lower-case hex digits."""
    return "m-" + secrets.token_hex(16)


def new_name() -> str:
    """A name people can say: adjective, noun, number, such as `nimble-heron-412`."""
    return f"{secrets.choice(_ADJECTIVES)}-{secrets.choice(_NOUNS)}-{secrets.randbelow(1000)}"


def is_run_id(text: str) -> bool:
    """Whether `text` has the form of a run id (MLflow's rule: up to 256 word characters and dashes)."""
    return _RUN_ID.fullmatch(text) is not None
