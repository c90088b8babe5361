"""The label in a picture file that says the picture was made by AI.

It is the XMP property `DigitalSourceType` = `trainedAlgorithmicMedia` (IPTC Photo Metadata Standard
2023.1, 5.8; IPTC NewsCodes digitalsourcetype). A PNG has it in an iTXt chunk with the keyword of
XMP (ISO 16684-3, 5.1), and a comment in plain words beside it; a JPEG has it in an APP1 segment.
The XMP packet is one constant, the same bytes in every programming language.
"""

from __future__ import annotations

from typing import Any

from PIL.PngImagePlugin import PngInfo

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""The IPTC's term for media made by a trained model."""

XMP = f"""\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
   <Iptc4xmpExt:DigitalSourceType>{SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""
"""The XMP packet; files hold it in UTF-8."""

PNG_XMP_KEYWORD = "XML:com.adobe.xmp"
PNG_TEXT = ("Comment", "AI-generated image (Pocket Avatar)")
"""Keyword and text of a PNG's comment in plain words."""


def save_options(kind: str) -> dict[str, Any]:
    """Arguments of Pillow's `Image.save` that write the label into a "PNG" or a "JPEG"."""
    if kind == "JPEG":
        return {"xmp": XMP.encode()}
    chunks = PngInfo()
    chunks.add_itxt(PNG_XMP_KEYWORD, XMP)
    chunks.add_text(*PNG_TEXT)
    return {"pnginfo": chunks}
