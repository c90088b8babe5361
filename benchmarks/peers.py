"""Other tools that export Stable Diffusion, installed into a scratch environment of their own.

The scratch environment sees all packages of this one, so that torch and coremltools are the same
and nothing large is fetched twice. It is the one place here that goes online.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

PLAIN_ONNX = """
import sys, torch
from diffusers import UNet2DConditionModel
folder, out = sys.argv[1:]
unet = UNet2DConditionModel.from_pretrained(folder, torch_dtype=torch.float32).eval()
width = unet.config.cross_attention_dim
size = unet.config.sample_size
example = (torch.zeros(1, 4, size, size), torch.zeros(1), torch.zeros(1, 77, width))
with torch.no_grad():
    torch.onnx.export(unet, example, out, dynamo=True, opset_version=18, external_data=True)
"""
"""PyTorch's own exporter, without anything around it; its weights are in fp32."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A tool that is compared with ours.

    Attributes:
        name: Its name in tables.
        requirement: What pip installs; empty where this environment has it.
        module: What must then be importable.
        arguments: Arguments of Python that export a UNet, with the places `{folder}` (the UNet's
            folder), `{file}` (its weights), `{checkpoint}` and `{out}` (an empty folder).
        format: The format that it exports to.
    """

    name: str
    requirement: str
    module: str
    arguments: tuple[str, ...]
    format: str


PEERS = (
    Peer(
        name="coreml-diffusion",
        requirement="coreml-diffusion==0.1.6",
        module="coreml_diffusion",
        arguments=(
            *("-m", "coreml_diffusion.cli", "convert", "--ckpt", "{file}"),
            *("--model-version", "SD15", "--component", "unet", "--out", "{out}/unet.mlpackage"),
        ),
        format="coreml",
    ),
    Peer(
        name="torch2coreml",
        requirement="git+https://github.com/apple/ml-stable-diffusion",
        module="python_coreml_stable_diffusion",
        arguments=(
            *("-m", "python_coreml_stable_diffusion.torch2coreml", "--convert-unet"),
            *("--model-version", "{checkpoint}", "-o", "{out}"),
        ),
        format="coreml",
    ),
    Peer(
        name="torch.onnx.export, fp32",
        requirement="",
        module="torch",
        arguments=("-c", PLAIN_ONNX, "{folder}", "{out}/unet.onnx"),
        format="onnx",
    ),
)


class Environment:
    """A scratch environment, made where there is none.

    Args:
        folder: Where it lies.
    """

    def __init__(self, folder: Path) -> None:
        self.python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        if not self.python.exists():
            venv.create(folder, with_pip=False)
            own = self._output("-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
            shared = sysconfig.get_path("purelib")
            (Path(own) / "shared.pth").write_text(f"{shared}\n", encoding="utf-8")

    def install(self, peer: Peer) -> str:
        """Install a tool where it is missing; returns why that failed, or nothing."""
        if self._has(peer.module):
            return ""
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "install"]
        # Its own requirements are met by the shared packages, or the benchmark says what is not.
        command = [*pip, "--no-deps", "--ignore-requires-python", peer.requirement]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 0 and self._has(peer.module):
            return ""
        lines = map(str.strip, done.stderr.splitlines())
        errors = [line for line in lines if line.startswith(("fatal:", "ERROR:"))]
        return (errors or ["pip installed nothing that can be imported"])[0][:100]

    def _has(self, module: str) -> bool:
        return not subprocess.run(
            [self.python, "-c", f"import {module}"], capture_output=True
        ).returncode

    def _output(self, *arguments: str) -> str:
        done = subprocess.run([self.python, *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()
