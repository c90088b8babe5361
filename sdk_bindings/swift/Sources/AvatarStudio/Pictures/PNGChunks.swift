import Foundation

/// The positions of the chunks of a PNG file (PNG specification, third edition, section 5).
struct PNGChunks {
  /// The position of one chunk.
  struct Chunk {
    let type: String
    /// The range of the length, type, data and checksum.
    let whole: Range<Int>
    /// The range of the data alone.
    var data: Range<Int> { whole.lowerBound + 8..<whole.upperBound - 4 }
  }

  static let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
  private(set) var chunks: [Chunk] = []

  /// Finds the chunks. Throws unless all chunks up to `IEND` are there. It does not verify the
  /// checksums: the decoder does.
  init(_ file: UnsafeRawBufferPointer) throws(PictureFailure) {
    guard file.starts(with: Self.signature) else { throw .unreadable("not a PNG picture") }
    var offset = Self.signature.count
    while chunks.last?.type != "IEND" {
      guard offset + 12 <= file.count else { throw .unreadable("the picture is cut short") }
      let length = bigEndian(file, at: offset)
      guard length <= file.count - offset - 12 else {
        throw .unreadable("the picture is cut short")
      }
      let type = String(decoding: file[offset + 4..<offset + 8], as: UTF8.self)
      chunks.append(Chunk(type: type, whole: offset..<offset + 12 + length))
      offset += 12 + length
    }
  }

  /// Returns the width and height in pixels.
  func size(in file: UnsafeRawBufferPointer) throws(PictureFailure) -> (Int, Int) {
    guard let header = chunks.first, header.type == "IHDR", header.data.count == 13 else {
      throw .unreadable("the picture's header is damaged")
    }
    let start = header.data.lowerBound
    return (bigEndian(file, at: start), bigEndian(file, at: start + 4))
  }

  /// Returns whether colours are stored as grey values (colour types 0 and 4).
  func isGrey(in file: UnsafeRawBufferPointer) -> Bool {
    first("IHDR").map { file[$0.data.lowerBound + 9] & 3 == 0 } ?? false
  }

  func first(_ type: String) -> Chunk? { chunks.first { $0.type == type } }

  /// Returns the bytes of a chunk, with length and checksum.
  static func chunk(_ type: String, _ data: Data) -> Data {
    let body = Data(type.utf8) + data
    return bytes(UInt32(data.count)) + body + bytes(crc32(body))
  }
}

private func bigEndian(_ file: UnsafeRawBufferPointer, at offset: Int) -> Int {
  Int(UInt32(bigEndian: file.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
}

private func bytes(_ word: UInt32) -> Data {
  withUnsafeBytes(of: word.bigEndian) { Data($0) }
}

/// Computes CRC-32 as PNG defines it (annex D).
private func crc32(_ data: Data) -> UInt32 {
  ~data.reduce(0xffff_ffff) { crc, byte in crcTable[Int((crc ^ UInt32(byte)) & 0xff)] ^ (crc >> 8) }
}

private let crcTable: [UInt32] = (0..<256).map { (index: UInt32) in
  (0..<8).reduce(index) { crc, _ in crc & 1 == 1 ? 0xedb8_8320 ^ (crc >> 1) : crc >> 1 }
}
