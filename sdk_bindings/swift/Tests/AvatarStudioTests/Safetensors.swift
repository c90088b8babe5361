import Foundation

/// Reads a safetensors file: eight bytes of header length, a JSON header, raw little-endian data.
struct Safetensors {
  struct Entry: Decodable {
    let dtype: String
    let shape: [Int]
    let data_offsets: [Int]
  }

  let entries: [String: Entry]
  private let data: Data

  struct Missing: Error { let name: String }

  init(_ file: URL) throws {
    let bytes = try Data(contentsOf: file)
    let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSONSerialization.jsonObject(with: bytes[8..<8 + length])
    var entries: [String: Entry] = [:]
    for (name, value) in header as? [String: Any] ?? [:] where name != "__metadata__" {
      let json = try JSONSerialization.data(withJSONObject: value)
      entries[name] = try JSONDecoder().decode(Entry.self, from: json)
    }
    self.entries = entries
    data = Data(bytes[(8 + length)...])
  }

  var names: [String] { entries.keys.sorted() }

  func floats(_ name: String) throws -> [Float] { try values(name, "F32") }

  /// Returns values that are stored in IEEE 754 half precision.
  func halves(_ name: String) throws -> [Float] {
    let bits: [UInt16] = try values(name, "F16")
    return bits.map { bits in
      let sign: Float = bits >> 15 == 1 ? -1 : 1
      let fraction = Float(bits & 0x3ff)
      let exponent = Int(bits >> 10 & 0x1f)
      if exponent == 0 { return sign * fraction * 0x1p-24 }
      return sign * (1024 + fraction) * Float(sign: .plus, exponent: exponent - 25, significand: 1)
    }
  }

  func integers(_ name: String) throws -> [Int32] { try values(name, "I32") }

  func bytes(_ name: String) throws -> [UInt8] { try values(name, "U8") }

  private func values<Value>(_ name: String, _ dtype: String) throws -> [Value] {
    guard let entry = entries[name], entry.dtype == dtype else { throw Missing(name: name) }
    let part = data[entry.data_offsets[0]..<entry.data_offsets[1]]
    return [Value](unsafeUninitializedCapacity: part.count / MemoryLayout<Value>.stride) {
      $1 = part.copyBytes(to: $0) / MemoryLayout<Value>.stride
    }
  }
}
