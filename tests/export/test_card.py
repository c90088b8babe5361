"""The artifact's model card."""

from __future__ import annotations

from pathlib import Path

from components import PipelineFacts
from export.card import write
from export.manifest import ComponentEntry, GoldenEntry, Manifest

STYLE = {"name": "ink", "title": "Ink", "tier": "free", "licence": "CC0 1.0", "creator": "Ada"}
LINKS = ("licence_url", "creator_url", "source", "source_url")


def test_only_what_has_an_address_is_a_link(tmp_path: Path) -> None:
    style = {**STYLE, **dict.fromkeys(LINKS, ""), "creator_url": "https://example.org"}
    component = ComponentEntry(
        name="decoder",
        description="",
        models={"default": "decoder.onnx"},
        ops=1,
        inputs=(),
        outputs=(),
    )
    manifest = Manifest(
        format="onnx",
        version="1",
        pipeline="AvatarPipeline",
        licence="NOASSERTION",
        options={},
        checkpoint="0" * 64,
        tools={},
        styles=(style,),
        sampler={},
        components=(component,),
        golden=GoldenEntry(seed=0, run="run.safetensors", components={}),
    )
    write(tmp_path, PipelineFacts(title="T", summary="S", licence="NOASSERTION"), manifest)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "| Ink | free | [Ada](https://example.org) | CC0 1.0 |  |" in card
