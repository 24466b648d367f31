"""JSON of Programs: nothing is lost on the way, and nothing gets in that is no Program."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import random
import time

import program_samples as samples
import pytest

from polydl.errors import DefinitionError, PolydlError, ProgramError
from polydl.program import json as program_json
from polydl.program.limits import MAX_NESTING
from polydl.program.sizes import Size, parse_size, product
from polydl.program.types import Program, walk
from polydl.program.verify import verify


@pytest.fixture(scope="module")
def document() -> dict:
    return json.loads(samples.tied(1).to_json())


@pytest.fixture
def hostile(document) -> dict:
    return copy.deepcopy(document)


def read(document: object) -> Program:
    return Program.from_json(json.dumps(document))


# --- round trips


@pytest.mark.parametrize("name", samples.PROGRAMS)
def test_round_trip_loses_nothing(name):
    program = samples.PROGRAMS[name]()
    back = Program.from_json(program.to_json())
    assert back == program
    assert hash(back) == hash(program)
    assert str(back) == str(program)
    assert list(back.blocks) == list(program.blocks)
    assert list(back.entries) == list(program.entries)
    assert (back.inputs, back.outputs) == (program.inputs, program.outputs)
    assert back.aliases == program.aliases
    assert back.symbols == program.symbols
    for path, entry in program.entries.items():
        assert back.entries[path] is not entry
        assert dataclasses.asdict(back.entries[path]) == dataclasses.asdict(entry)
    for key, block in program.blocks.items():
        other = back.blocks[key]
        assert repr(other.config) == repr(dict(block.config))
        assert repr([n.attributes for n in walk(other.nodes)]) == repr(
            [dict(n.attributes) for n in walk(block.nodes)]
        )


def test_samples_hold_what_they_should():
    program = samples.tied()
    assert "blocks.0#2" in program.blocks
    assert program.aliases["shared"] == "blocks.0"
    assert program.entries["blocks.0.inner.bias"].aliases == ("shared.inner.bias",)
    assert program.symbols == ("batch", "tokens_size1")
    ops = {node.op for block in program.blocks.values() for node in walk(block.nodes)}
    assert {"call", "read", "write", "when_training", "random_bits"} <= ops


def test_text_is_the_same_for_the_same_model():
    assert samples.tied().to_json() == samples.tied().to_json()
    assert samples.tied().to_json() != samples.tied(3).to_json()


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, 1, -7, 2**64, 1.0, -0.0, 1e-300, 0.1, math.inf, -math.inf, math.nan,
        "", "batch", "null", "1", "é\n", (), (1, (2.0, ("x", None))), ("size", "batch"),
    ],
)  # fmt: skip
def test_plain_values_keep_their_type(value):
    program = samples.with_block(samples.odd(), "", config={"value": value})
    (back,) = Program.from_json(program.to_json()).root.config.values()
    assert type(back) is type(value)
    assert repr(back) == repr(value)


def test_sizes_and_strings_are_kept_apart():
    program = samples.odd()
    back = Program.from_json(program.to_json())
    (arange,) = [node for node in back.root.nodes if node.op == "arange"]
    assert type(arange.attributes["size"]) is Size
    assert str(arange.attributes["size"]) == "batch*2"


@pytest.mark.parametrize("value", [object(), 10**40, [1], {"a": 1}, 1j])
def test_what_cannot_be_read_back_is_not_written(value):
    with pytest.raises(ProgramError):
        samples.with_block(samples.odd(), "", config={"value": value}).to_json()


# --- documents that are no Program


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "^this is not the JSON"),
        ("nonsense", "^this is not the JSON"),
        ("5", "no \"format\""),
        ('"format"', "no \"format\""),
        ("null", "no \"format\""),
        ("[]", "no \"format\""),
        ("{}", "no \"format\""),
        ('{"format": 2}', "format is 2"),
        ('{"format": true}', "format is True"),
        ('{"format": 1, "format": 1}', "^the key 'format' occurs twice"),
        ('{"format": NaN}', "NaN"),
        ('{"format": -Infinity}', "Infinity"),
        ('{"format": 1e999}', "too large"),
        ('{"format": ' + "9" * 41 + "}", "integer of 41 digits"),
        ('{"format": ' + "9" * 5000 + "}", "integer of 5000 digits"),
        ("[" * 100_000, "brackets are nested"),
        ('{"a":' * 100_000, "brackets are nested"),
        ("[" * (MAX_NESTING + 1) + "]" * (MAX_NESTING + 1), "brackets are nested"),
        ("[" * MAX_NESTING + "]" * MAX_NESTING, "no \"format\""),
        ('"' + "[" * 1000 + '"', "no \"format\""),
        ('"\\"' + "[" * 1000 + '"', "no \"format\""),
        ('{"format": "\ud800"}', "format is"),
    ],
)  # fmt: skip
def test_no_program_at_all(text, says):
    with pytest.raises(ProgramError, match=says):
        Program.from_json(text)


def test_text_must_be_bounded(monkeypatch):
    monkeypatch.setattr(program_json, "MAX_TEXT", 1000)
    with pytest.raises(ProgramError, match="too many"):
        Program.from_json(" " * 1001)
    with pytest.raises(ProgramError, match="at most"):
        samples.tied().to_json()


def test_a_stack_that_is_nearly_full(monkeypatch):
    def overflow(_):
        raise RecursionError

    monkeypatch.setattr(program_json, "decode_program", overflow)
    with pytest.raises(ProgramError, match="too deeply"):
        Program.from_json("{}")


def test_sizes_that_could_not_be_read_back_are_not_written():
    long = product(Size.symbol(f"{letter * 100}") for letter in "abcde")
    for size in (long, 3.0, True, "batch"):
        value = dataclasses.replace(samples.odd().root.inputs[0], shape=(size,))
        with pytest.raises(ProgramError, match="written as a size"):
            samples.with_block(samples.odd(), "", inputs=(value,)).to_json()


def test_bytes_are_no_text():
    with pytest.raises(ProgramError, match="bytes"):
        Program.from_json(b"{}")


EVIL = [
    '__import__("os").system("x")',
    "a;b",
    "x\n",
    "x y",
    "__class__",
    "a.__globals__",
    "a..b",
    ".a",
    "a.",
    "1a",
    "a-b",
    "a\u202eb",
    "a\x1b[31m",
    "\ufb01",  # a ligature: Python reads it as "fi"
    "x" * 2000,
    "x." * 600 + "x",
]
PLACES = {
    "value name": lambda d, evil: d["blocks"][""]["nodes"][0]["outputs"][0].__setitem__(
        slice(3, None), [evil]
    ),
    "input name": lambda d, evil: d["blocks"][""]["inputs"][0].__setitem__(3, evil),
    "kind": lambda d, evil: d["blocks"][""].__setitem__("kind", evil),
    "built-in kind": lambda d, evil: d["blocks"][""].__setitem__("kind", f"polydl:{evil}@1"),
    "path": lambda d, evil: d["blocks"]["embed"].__setitem__("path", evil),
    "config": lambda d, evil: d["blocks"][""].__setitem__("config", {evil: 1}),
    "alias": lambda d, evil: d["aliases"].__setitem__(evil, "embed"),
    "aliased": lambda d, evil: d["aliases"].__setitem__("other", evil),
    "entry alias": lambda d, evil: d["entries"]["embed.table"].__setitem__("aliases", [evil]),
    "op": lambda d, evil: d["blocks"][""]["nodes"][0].__setitem__("op", evil),
    "initializer": lambda d, evil: d["entries"]["embed.table"].__setitem__(
        "initializer", [evil, {}]
    ),
    "initializer argument": lambda d, evil: d["entries"]["embed.table"].__setitem__(
        "initializer", ["normal", {evil: 1.0}]
    ),
    "target": lambda d, evil: d["blocks"][""]["nodes"][0]["attributes"].__setitem__("target", evil),
    "called": lambda d, evil: d["blocks"][""]["nodes"][0]["attributes"].__setitem__("block", evil),
    "attribute": lambda d, evil: d["blocks"]["embed"]["nodes"][1].__setitem__(
        "attributes", {evil: 1}
    ),
    "block key": lambda d, evil: d["blocks"].__setitem__(evil, d["blocks"]["softmax()"]),
    "role": lambda d, evil: d["entries"]["embed.table"].__setitem__("role", evil),
    "dtype": lambda d, evil: d["entries"]["embed.table"].__setitem__("dtype", evil),
}


def rename_everywhere(old: str):
    def rename(d: dict, evil: str) -> None:
        text = json.dumps(d).replace(json.dumps(old)[1:-1], json.dumps(evil)[1:-1])
        d.clear()
        d.update(json.loads(text))

    return rename


PLACES["entry path"] = rename_everywhere("embed.table")
PLACES["symbol"] = rename_everywhere("batch")


@pytest.mark.parametrize("place", PLACES)
def test_only_names_get_in(hostile, place):
    for evil in EVIL:
        changed = copy.deepcopy(hostile)
        PLACES[place](changed, evil)
        with pytest.raises(ProgramError):
            read(changed)


def test_the_places_take_good_names(hostile):
    """So that the names above are refused for what they are."""
    for place in ("value name", "input name", "kind", "config", "entry alias"):
        changed = copy.deepcopy(hostile)
        for name in ("good", "_x", "__x", "x__", "x1", "été"):
            PLACES[place](changed, name)
            read(changed)
    for place, name in {"alias": "a.0.class", "entry path": "embed.lambda", "symbol": "N"}.items():
        changed = copy.deepcopy(hostile)
        PLACES[place](changed, name)
        read(changed)


@pytest.mark.parametrize("keyword", ["class", "lambda", "None", "__init__"])
@pytest.mark.parametrize("place", ["value name", "input name", "kind", "config", "symbol"])
def test_keywords_are_no_variables(hostile, place, keyword):
    PLACES[place](hostile, keyword)
    with pytest.raises(ProgramError, match=keyword):
        read(hostile)


@pytest.mark.parametrize("text", ["x" * 10_001, "a\x00b", "a\x1b[2J", "a\u202eb", "\ud800"])
def test_strings_of_a_config_are_bounded_and_printable(hostile, text):
    hostile["blocks"][""]["config"] = {"note": ["fine", text]}
    with pytest.raises(ProgramError, match="config note"):
        read(hostile)


@pytest.mark.parametrize("canonical", [["embed"], {}, 1, None])
def test_aliases_are_of_names(hostile, canonical):
    hostile["aliases"]["other"] = canonical
    with pytest.raises(ProgramError, match=r"^aliases, 'other': expected str"):
        read(hostile)


@pytest.mark.parametrize(
    "value",
    [{}, {"size": "batch", "x": 1}, {"size": 1}, {"float": "Infinity"}, {"float": "inf", "x": 1},
     {"float": 1.0}, {"constant": 1}, {"size": "3"}],
)  # fmt: skip
def test_objects_that_are_no_value(hostile, value):
    hostile["blocks"][""]["config"] = {"note": [value]}
    with pytest.raises(ProgramError, match="block '': "):
        read(hostile)


@pytest.mark.parametrize("constant", ["1", None, [1], {"size": "batch"}, 10**39])
def test_constants_are_numbers(constant):
    document = json.loads(samples.odd().to_json())
    node = document["blocks"][""]["nodes"][0]
    assert node["operands"][2] == {"constant": {"float": "-inf"}}
    node["operands"][2] = {"constant": constant}
    with pytest.raises(ProgramError, match=r"block '': node 0 \(where\)"):
        read(document)


def test_integers_are_no_strings():
    document = json.loads(samples.odd().to_json())
    document["blocks"][""]["inputs"][0][2][1] = "4"
    with pytest.raises(ProgramError, match="should be written as '4'"):
        read(document)


def test_unknown_and_missing_keys_are_refused_and_named(hostile):
    def places(d: dict) -> list[dict]:
        entry, block = d["entries"]["blocks.0.norm.mean"], d["blocks"]["blocks.0.norm"]
        choice = next(node for node in block["nodes"] if "regions" in node)
        return [d, entry, block, block["nodes"][0], choice["regions"][0]]

    for i, place in enumerate(places(hostile)):
        changed = copy.deepcopy(hostile)
        places(changed)[i]["surprise"] = 1
        with pytest.raises(ProgramError, match="'surprise' is unknown"):
            read(changed)
        for key in set(place) - {"aliases", "attributes", "regions"}:
            changed = copy.deepcopy(hostile)
            del places(changed)[i][key]
            with pytest.raises(ProgramError, match=f"{key}"):
                read(changed)


def test_errors_say_where(hostile):
    hostile["blocks"]["blocks.0.norm"]["nodes"][0]["operands"] = [99]
    with pytest.raises(ProgramError, match=r"block 'blocks\.0\.norm': node 0: %99"):
        read(hostile)


@pytest.mark.parametrize(
    "size", ["3", "batch + 0", "2*batch", " batch", "batch**2", "batch/2", "f(1)", "batch//0", "",
             "tokens_size1.real", "(batch", "-" * 399 + "a", "(" * 150 + "a" + ")" * 150, "a" * 401,
             "*".join(f"(a{i} + b{i})" for i in range(28)), True, None, 1.0, -1, 2**60],
)  # fmt: skip
def test_sizes_are_checked(hostile, size):
    hostile["blocks"][""]["inputs"][0][2][0] = size
    start = time.perf_counter()
    with pytest.raises(ProgramError):
        read(hostile)
    assert time.perf_counter() - start < 1.0


def test_a_size_cannot_fill_the_memory():
    text = "*".join(f"(a{i} + b{i})" for i in range(28))
    with pytest.raises(ProgramError, match="terms"):
        parse_size(text)
    with pytest.raises(DefinitionError, match="terms"):
        product(Size.symbol(f"a{i}") + 1 for i in range(28))


def test_random_sizes_round_trip():
    draw = random.Random(5)
    values = {"batch": 7, "time": 4}

    def size(depth: int):
        if depth == 0 or draw.random() < 0.2:
            name = draw.choice([*values, ""])
            return (Size.symbol(name), values[name]) if name else (n := draw.randint(1, 9), n)
        (a, x), (b, y) = size(depth - 1), size(depth - 1)
        match draw.choice("+*/%"):
            case "+":
                return a + b, x + y
            case "*":
                return a * b, x * y
            case "/":
                return (a // b, x // y) if y else (a, x)
        return (a % b, x % y) if y else (a, x)

    for _ in range(400):
        symbolic, number = size(3)
        assert (symbolic if isinstance(symbolic, int) else symbolic.evaluate(values)) == number
        if len(str(symbolic)) <= 400:
            assert str(parse_size(str(symbolic))) == str(symbolic)


# --- random damage

LEAVES = [
    None, True, False, 0, 1, -1, 2, 3, 7, 10**6, 2**31, 2**53 + 1, 10**39, 0.0, 0.5, -0.0, 1e300,
    "", "batch", "x", "0", "polydl:Dense@1", "float", "int", "bool", "call", "read", "write", "add",
    "reshape", "sum", "when_training", "embed", "embed.table", "a.b", "__x__", [], {}, [0], [1, 2],
    {"size": "batch"}, {"size": "batch*2"}, {"float": "inf"}, {"constant": 1}, {"constant": 0.5},
    [[1, 1], [1, 1]], ["batch", 8], [0, "float", [8], "x"],
]  # fmt: skip


def containers(node: object) -> list:
    found = [node] if isinstance(node, (dict, list)) and node else []
    children = node.values() if isinstance(node, dict) else node if type(node) is list else ()
    return found + [inner for child in children for inner in containers(child)]


def damage(document: dict, draw: random.Random) -> dict:
    changed = copy.deepcopy(document)
    places = containers(changed)
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        place = draw.choice(places)
        if not place:
            continue
        key = draw.choice(list(place)) if isinstance(place, dict) else draw.randrange(len(place))
        match draw.randrange(6):
            case 0:
                del place[key]
            case 1 if isinstance(place, list):
                place.insert(key, copy.deepcopy(place[draw.randrange(len(place))]))
            case 2 if isinstance(place, list):
                draw.shuffle(place)
            case 3:
                other = draw.choice(places)
                place[key] = copy.deepcopy(draw.choice(list(other.values())) if isinstance(
                    other, dict) and other else LEAVES[0])  # fmt: skip
            case _:
                place[key] = copy.deepcopy(draw.choice(LEAVES))
    return changed


def survives(text: str) -> bool:
    """Whether it is read, and then a Program like any other. Only a PolydlError may be raised."""
    try:
        program = Program.from_json(text)
    except PolydlError:
        return False
    verify(program)
    assert Program.from_json(program.to_json()) == program
    assert str(program)
    return True


@pytest.mark.parametrize("name", samples.PROGRAMS)
def test_damaged_documents(name):
    original = json.loads(samples.PROGRAMS[name]().to_json())
    draw = random.Random(len(name))
    read_anyway = sum(survives(json.dumps(damage(original, draw))) for _ in range(150))
    assert read_anyway < 75  # most damage is seen: the rest changed a number or a name


def test_damaged_text():
    text = samples.odd().to_json()
    draw = random.Random(3)
    for _ in range(300):
        at = draw.randrange(len(text))
        survives(
            text[:at] + draw.choice(['"', "[", "}", "9", "x", "\\", "", ",", "é"]) + text[at + 1 :]
        )
        survives(text[: draw.randrange(len(text))])
