"""Training on a team's own folder of selfies and drawings, from files to an avatar."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import components
from avatar.model import IdentityEncoder, Sketch
from avatar.people import STYLES, can_draw, draw, sample_identity
from avatar.people.renderer import render
from avatar.selfies import read_selfie
from avatar.styles_file import dump_styles, read_styles, styles_of
from distillation.data import (
    MadeUpPeople,
    OwnPeople,
    Person,
    open_own_people,
    read_folder,
    sample_selfies,
    split,
)
from distillation.errors import RunError
from distillation.publish import model_card
from distillation.run_folder import run_on
from distillation.stages.identity import IdentityNetwork, load_identity
from distillation.training import read_record, step_rng
from support.images import to_pixels
from tests.components.tiny import save_tiny_avatar
from tests.conftest import Command, Result
from tests.distillation.training.test_training import SCHEDULE, LineTask

DECLARED = [
    {"name": "ink", "tier": "free", "licence": "CC0 1.0", "creator": "Ada"},
    {
        "name": "soft-pixels",
        "tier": "plus",
        "licence": "Ours",
        "creator": "Ben",
        "creator_url": "https://example.org/ben",
    },
]
DRAWN_AS = {"ink": "lorelei", "soft-pixels": "pixel-art"}
SELFIES = {"ann": 1, "bob": 2, "cy": 3}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three made-up people as files: one to three selfies each, and one who lacks a style."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "styles.json").write_text(json.dumps(DECLARED))
    drawable = filter(lambda person: can_draw(person, "lorelei"), map(sample_identity, count(7)))
    for person, (name, selfies) in zip(drawable, SELFIES.items(), strict=False):
        home = folder / "people" / name
        (home / "selfies").mkdir(parents=True)
        for number, selfie in enumerate(render([person] * selfies, range(selfies))):
            Image.fromarray(to_pixels(selfie)).save(home / "selfies" / f"{number}.jpg")
        for style, source in DRAWN_AS.items():
            if (name, style) != ("ann", "soft-pixels"):
                (home / "avatars" / style).mkdir(parents=True)
                Image.fromarray(draw(person, source, 0)).save(home / "avatars" / style / "0.png")
    (folder / "people" / ".DS_Store").touch()
    return folder


@pytest.fixture
def own(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "own")


def test_from_a_folder_to_an_avatar(own: Path, tmp_path: Path, command: Command) -> None:
    """Every verb for a step, then a picture, the styles, the export's facts and the model card."""
    runs = tmp_path / "runs"
    common = ("--data", own, "--steps", 1)
    kept = ("--autoencoder", runs / "autoencoder")

    def train(verb: str, *more: object) -> Result:
        options = (*common, *more, "--out", runs / verb)
        result = command("distillation", verb, *options)
        assert result.code == 0, result.err
        assert "2 people to train on, 1 held out" in result.err
        assert read_record(runs / verb)["own_data"]
        return result

    assert " dB" in train("autoencoder", "--batch", 2).out
    trained = train("identity", *kept, "--batch", 4)
    assert "no labels" in trained.err and trained.out.startswith("sketch "), (
        "no attribute's accuracy"
    )
    assert load_identity(runs / "identity").reader is None
    train("teacher", *kept, "--identity", runs / "identity", "--batch", 4)
    train("student", *kept, "--teacher", runs / "teacher", "--batch", 4)
    on = (*kept, "--teacher", runs / "teacher", "--batch", 4, "--start-from", runs / "student")
    result = command("distillation", "student", *common, *on, "--out", runs / "longer")
    assert result.code == 0 and read_record(runs / "longer")["before"]["name"] == "student"

    checkpoint = runs / "student" / "checkpoint"
    facts = components.load(checkpoint).facts()
    assert [style["name"] for style in facts.styles] == ["ink", "soft-pixels"]
    assert facts.styles[1]["title"] == "Soft Pixels" and facts.licence == "NOASSERTION"
    listed = command("avatar", "styles", "--checkpoint", checkpoint).out
    assert "Ben" in listed and "lorelei" not in listed
    selfie = own / "people" / "ann" / "selfies" / "0.jpg"
    # Of rendered heads the face detector sees every other one only.
    create = ("create", selfie, "--any-selfie", "--checkpoint", checkpoint)
    create = (*create, "--out", tmp_path / "me.png")
    assert command("avatar", *create, "--style", "Soft_Pixels").code == 0
    with Image.open(tmp_path / "me.png") as picture:
        assert picture.size == (256, 256)
    unknown = command("avatar", *create, "--style", "lorelei")
    assert unknown.code == 2 and "there are ink, soft-pixels" in unknown.err

    published = tmp_path / "published"
    options = ("--data", own, "--runs", runs, "--checkpoint", checkpoint, "--out", published)
    result = command("distillation", "publish", *options)
    assert result.code == 0, result.err
    card = (published / "README.md").read_text()
    assert "made" not in card.partition("## Training")[0].lower() and "apache-2.0" not in card
    assert "| ink | free | Ada | CC0 1.0 |" in card and "[Ben](https://example.org/ben)" in card
    assert styles_of(published) == styles_of(checkpoint) == read_styles(own / "styles.json")

    again = ("identity", *kept, "--out", runs / "identity", "--steps", 2)
    other = command("distillation", *again, "--data", own, "--drawings", own)
    assert other.code == 2 and "--data and --drawings exclude each other" in other.err
    reordered = json.loads((own / "styles.json").read_text())[::-1]
    (own / "styles.json").write_text(json.dumps(reordered))
    mixed = ("teacher", *common, *kept, "--identity", runs / "identity", "--out", runs / "mixed")
    result = command("distillation", *mixed)
    assert result.code == 2 and "knows the styles ink, soft-pixels, but" in result.err


def test_opening_a_folder_decodes_nothing_and_holds_no_pixels(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Image.Image, "load", None)  # any decoding fails
        people, held_out = open_own_people(own, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    for data in (people, held_out):
        assert not any(
            isinstance(value, np.ndarray)
            for value in vars(data).values()
            if getattr(value, "ndim", 0) > 1
        )
    assert len(people) + len(held_out) == 3


def test_a_picture_is_prepared_once_and_again_when_its_file_changes(
    own: Path, tmp_path: Path
) -> None:
    people, _ = open_own_people(own, run=tmp_path / "run")
    file = people.files[0][0]
    law = np.floor(read_selfie(file) * 255 + np.float32(0.5)).astype(np.uint8)
    np.testing.assert_array_equal(people.selfie(0, 0), law)
    (kept,) = (tmp_path / "run").rglob("*.png")
    stamp = kept.stat().st_mtime_ns
    np.testing.assert_array_equal(people.selfie(0, 0), law)
    assert kept.stat().st_mtime_ns == stamp
    before = people.drawings[0].digest()
    Image.new("RGB", (99, 80), "red").save(file)
    Image.new("RGBA", (700, 600), (0, 0, 0, 0)).save(people.drawings[0].path)
    assert (people.selfie(0, 0)[0] > 250).all() and (people.selfie(0, 0)[1] < 5).all()
    assert (people.drawings[0].pixels() == 255).all(), "transparency lies on white"
    assert people.drawings[0].pixels().shape == (256, 256, 3)
    assert people.drawings[0].digest() != before


def test_people_with_different_numbers_of_selfies_share_a_batch(own: Path, tmp_path: Path) -> None:
    found = read_folder(own)
    people = OwnPeople(
        sorted((*found.trained, *found.held_out), key=lambda person: person.name),
        found.styles,
        tmp_path,
    )
    assert people.selfie_counts.tolist() == [1, 2, 3]
    shown: dict[int, set[int]] = {0: set(), 1: set(), 2: set()}
    people.selfie = lambda person, index: (  # type: ignore[method-assign]
        shown[person].add(index) or np.full((3, 128, 128), 200, np.uint8)
    )
    for step in range(20):
        selfies, mask = sample_selfies(people, np.array([0, 1, 2]), step_rng(0, step), most=3)
        present = (selfies.flatten(2).amax(2) > 0).float()
        assert (present == mask).all() and mask.sum(1).min() >= 1
        assert (mask.sum(1) <= mask.new_tensor([1, 2, 3])).all()
    assert shown == {0: {0}, 1: {0, 1}, 2: {0, 1, 2}}, "each of all there are, and no other"


def test_who_is_held_out_depends_on_names_alone() -> None:
    people = [Person(name=f"p{n}", selfies=(), drawings=()) for n in range(1000)]
    trained, held_out = split(people)
    assert 30 < len(held_out) < 70 and len(trained) + len(held_out) == 1000
    assert split(people[::-1]) == (trained, held_out)
    more = split([*people, Person(name="new", selfies=(), drawings=())])
    assert set(p.name for p in held_out) <= set(p.name for p in more[1])
    for few in (people[:2], people[:3]):
        trained, held_out = split(few)
        assert len(held_out) == 1 and len(trained) == len(few) - 1


def test_labels_are_left_out_of_the_loss_only_where_there_are_none() -> None:
    encoder = IdentityEncoder(widths=(8, 8, 16), feature_width=32)
    parameters = dict(IdentityNetwork(encoder, Sketch(styles=2), labelled=False).named_parameters())
    assert not any(name.startswith("reader") for name in parameters)
    assert IdentityNetwork(encoder, Sketch()).reader is not None


def test_a_run_goes_on_only_with_the_people_it_began_with(own: Path, tmp_path: Path) -> None:
    people, _ = open_own_people(own, run=tmp_path)
    (tmp_path / "record.json").write_text('{"step": 3}')
    with pytest.raises(RunError, match="holds a run on made-up people; choose another --out"):
        run_on(people, LineTask(), SCHEDULE, tmp_path)


# ---- mistakes: one line that names the file, what was expected and what to do


def edit(**changes: object) -> Callable[[Path], None]:
    """Change the first style; None takes a key away."""

    def apply(own: Path) -> None:
        first = {**DECLARED[0], **changes}
        kept = {key: value for key, value in first.items() if value is not None}
        (own / "styles.json").write_text(json.dumps([kept, DECLARED[1]]))

    return apply


def text(name: str, content: str) -> Callable[[Path], object]:
    return lambda own: (own / name).write_text(content)


def gone(name: str) -> Callable[[Path], object]:
    return lambda own: shutil.rmtree(own / name)


def cut(name: str) -> Callable[[Path], object]:
    return lambda own: os.truncate(own / name, (own / name).stat().st_size // 2)


def unknown_style(own: Path) -> None:
    (own / "people/ann/avatars/ink").rename(own / "people/ann/avatars/inc")


MISTAKES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no list": (lambda own: (own / "styles.json").unlink(), "styles.json: cannot be read"),
    "bad JSON": (text("styles.json", "[{"), "styles.json: is not JSON"),
    "no styles": (text("styles.json", "{}"), "styles.json: expected a list"),
    "no object": (text("styles.json", '["ink"]'), "style 1 is no object"),
    "missing key": (edit(licence=None), "style 1 lacks licence"),
    "empty value": (edit(creator=""), "style 1 lacks creator"),
    "misspelt key": (edit(license="CC0"), "style 1 has license; expected only name"),
    "number": (edit(creator=3), "style 1 has creator that is no text"),
    "tier": (edit(tier="gold"), "tier 'gold'; expected 'free' or 'plus'"),
    "name": (edit(name="../Ink"), "'../Ink'; expected lower-case letters"),
    "same name": (edit(name="soft-pixels"), "2 styles are named 'soft-pixels'"),
    "unknown style": (unknown_style, "ann/avatars/inc: styles.json has no style of that name"),
    "loose file": (text("people/ann/avatars/1.png", ""), "ann/avatars/1.png: styles.json has no"),
    "style not drawn": (edit(name="oil"), "avatars/ink: styles.json has no style of that name"),
    "no selfies": (gone("people/bob/selfies"), "bob/selfies: no selfies; expected at least one"),
    "no avatars": (gone("people/bob/avatars"), "bob/avatars: no drawings; expected at least one"),
    "no picture": (text("people/cy/selfies/0.jpg", "hello"), "0.jpg: not a PNG, JPEG, WebP"),
    "cut short": (cut("people/cy/avatars/ink/0.png"), "0.png: the picture is damaged"),
    "no people": (gone("people"), "people: 0 people, expected at least two"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes(mistake: str, own: Path, command: Command) -> None:
    spoil, message = MISTAKES[mistake]
    spoil(own)
    result = command("distillation", "check-data", own)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert result.err.startswith(f"error: {own}") and message in result.err


def test_a_style_nobody_is_drawn_in(own: Path, command: Command) -> None:
    more = [*DECLARED, {**DECLARED[0], "name": "oil"}]
    (own / "styles.json").write_text(json.dumps(more))
    result = command("distillation", "check-data", own)
    assert result.code == 2 and "nobody to train on is drawn in oil" in result.err


def test_check_data_counts_what_is_there_and_names_every_damaged_picture(
    own: Path, command: Command
) -> None:
    whole = command("distillation", "check-data", own)
    expected = ["2 people to train on, 1 held out", "6 selfies"]
    expected += ["3 drawings in ink", "2 drawings in soft-pixels"]
    assert whole.code == 0 and whole.out.splitlines() == expected
    for name in ("people/cy/selfies/0.jpg", "people/cy/selfies/1.jpg"):
        cut(name)(own)
    damaged = command("distillation", "check-data", own)
    assert damaged.code == 2 and damaged.err.count("\n") == 2


# ---- the checkpoint's own list of styles


def test_styles_are_read_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "styles.json").write_bytes(dump_styles(STYLES))
    assert styles_of(tmp_path) == STYLES
    assert styles_of(tmp_path / "elsewhere") == STYLES == MadeUpPeople.styles


def test_a_list_of_another_length_than_the_denoisers(tmp_path: Path) -> None:
    checkpoint = save_tiny_avatar(tmp_path / "tiny")
    before = components.fingerprint(checkpoint)
    (checkpoint / "styles.json").write_text(json.dumps(DECLARED))
    assert components.fingerprint(checkpoint) != before
    with pytest.raises(components.CheckpointError, match="knows 6 styles, expected 2: ink, soft"):
        components.load(checkpoint).facts()
    (checkpoint / "styles.json").write_text("[]")
    with pytest.raises(components.CheckpointError, match="expected a list"):
        components.load(checkpoint).facts()


def test_the_card_of_made_up_people_still_says_so() -> None:
    sampler = {"steps": 2, "guidance": 1, "also": ()}
    facts = {"sizes": {}, "report": None, "psnr": {}, "sampler": sampler}
    card = model_card(styles=STYLES, records=[], note="", **facts)
    assert "**It has never seen a real face**" in card and "license: apache-2.0" in card
