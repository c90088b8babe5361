"""The artifact's model card."""

from __future__ import annotations

from pathlib import Path

from components import PipelineFacts
from export.card import write
from export.entries import ComponentEntry, GoldenEntry, SamplerEntry, StyleEntry
from export.manifest import Manifest

SAMPLER = SamplerEntry(prediction="velocity", guidance=1.0, timesteps=(1000.0,), sigmas=(1.0, 0.0))
STYLE = {"name": "ink", "title": "Ink", "tier": "free", "licence": "CC0 1.0", "creator": "Ada"}


def test_only_what_has_an_address_is_a_link(tmp_path: Path) -> None:
    style = StyleEntry(**STYLE, creator_url="https://example.org")
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
        sampler=SAMPLER,
        components=(component,),
        golden=GoldenEntry(seed=0, run="run.safetensors", components={}),
        files=(),
    )
    write(tmp_path, PipelineFacts(title="T", summary="S", licence="NOASSERTION"), manifest)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "| Ink | free | [Ada](https://example.org) | CC0 1.0 |  |" in card
