import Foundation

/// Labels a picture as AI-generated, both for software and for people.
///
/// Software reads IPTC's Digital Source Type from the file. People read `disclosure` on the screen.
public enum AiLabel {
  /// The text for people. Show it beside an avatar and put it into the picture's accessibility
  /// label.
  public static let disclosure = "AI-generated image"

  /// The value of IPTC's Digital Source Type in the XMP packet of every file.
  public static let digitalSourceType =
    "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

  /// The text entry `Comment` of PNG files.
  static let comment = "AI-generated image (Pocket Avatar)"

  /// Adds the label to a PNG or JPEG file: an XMP packet in both, and a text entry in PNG.
  ///
  /// Use it for pictures that the app encodes itself, once per file. Throws
  /// `AvatarError.runtimeFailed` if `file` is neither PNG nor JPEG.
  public static func labelled(_ file: Data) throws(AvatarError) -> Data {
    let start = Array(file.prefix(8))
    if start == PNGChunks.signature, file.count >= afterHeader { return labelledPNG(file) }
    if start.starts(with: [0xff, 0xd8, 0xff]) { return labelledJPEG(file) }
    throw .runtimeFailed(component: "label", reason: "the file is neither PNG nor JPEG")
  }

  /// The offset behind a PNG's first chunk, which is always the header.
  private static let afterHeader = 33

  private static func labelledPNG(_ file: Data) -> Data {
    // iTXt: keyword, 0, not compressed, method 0, no language, no translated keyword.
    let keyword = Data("XML:com.adobe.xmp".utf8)
    let xmp = PNGChunks.chunk("iTXt", keyword + Data([0, 0, 0, 0, 0]) + Data(packet.utf8))
    let text = PNGChunks.chunk("tEXt", Data("Comment".utf8) + Data([0]) + Data(comment.utf8))
    return file.prefix(afterHeader) + xmp + text + file.dropFirst(afterHeader)
  }

  /// Inserts the XMP packet after the JFIF and EXIF segments, which must come first (XMP
  /// specification, part 3).
  private static func labelledJPEG(_ file: Data) -> Data {
    let bytes = [UInt8](file)
    var offset = 2
    while offset + 4 <= bytes.count, bytes[offset] == 0xff, isFirst(bytes, at: offset) {
      offset += 2 + Int(bytes[offset + 2]) << 8 + Int(bytes[offset + 3])
    }
    let body = Data("http://ns.adobe.com/xap/1.0/".utf8) + Data([0]) + Data(packet.utf8)
    let length = body.count + 2
    let segment = Data([0xff, 0xe1, UInt8(length >> 8), UInt8(length & 0xff)]) + body
    offset = min(offset, file.count)
    return file.prefix(offset) + segment + file.dropFirst(offset)
  }

  private static func isFirst(_ bytes: [UInt8], at offset: Int) -> Bool {
    let isXMP = bytes.dropFirst(offset + 4).starts(with: Data("http://ns.adobe.com/".utf8))
    return bytes[offset + 1] == 0xe0 || (bytes[offset + 1] == 0xe1 && !isXMP)
  }

  /// The XMP packet (ISO 16684-1, section 7.3). Every language writes the same bytes.
  static let packet = """
    <?xpacket begin="\u{feff}" id="W5M0MpCehiHzreSzNTczkc9d"?>
    <x:xmpmeta xmlns:x="adobe:ns:meta/">
     <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
      <rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
       <Iptc4xmpExt:DigitalSourceType>\(digitalSourceType)</Iptc4xmpExt:DigitalSourceType>
      </rdf:Description>
     </rdf:RDF>
    </x:xmpmeta>
    <?xpacket end="r"?>
    """
}
