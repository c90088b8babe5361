/// Returns the orientation in an EXIF block (EXIF 2.32, 4.6.2: a TIFF header and its first
/// directory), or 1 if it has none.
///
/// Damaged metadata counts as none, as in picture viewers. The block can hold a thumbnail and the
/// place where the picture was taken, so it is read in place and never copied.
///
/// - Parameter block: The bytes of the block. Its indices begin at 0.
func exifOrientation<Block: RandomAccessCollection>(_ block: Block) -> Int
where Block.Element == UInt8, Block.Index == Int {
  let isLittle = block.starts(with: [0x49, 0x49, 0x2a, 0])
  guard isLittle || block.starts(with: [0x4d, 0x4d, 0, 0x2a]) else { return 1 }

  func number(at offset: Int, bytes: Int) -> Int? {
    guard offset >= 0, offset + bytes <= block.count else { return nil }
    let part = block[offset..<offset + bytes]
    let ordered = isLittle ? Array(part.reversed()) : Array(part)
    return ordered.reduce(0) { $0 << 8 | Int($1) }
  }

  guard let directory = number(at: 4, bytes: 4), let count = number(at: directory, bytes: 2)
  else { return 1 }
  for entry in 0..<count {
    let start = directory + 2 + 12 * entry
    guard let tag = number(at: start, bytes: 2) else { return 1 }
    if tag == 0x112, number(at: start + 2, bytes: 2) == 3 {
      return number(at: start + 8, bytes: 2) ?? 1
    }
  }
  return 1
}
