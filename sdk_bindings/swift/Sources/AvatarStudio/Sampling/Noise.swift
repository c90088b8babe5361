import Foundation

/// `torch.randn` on CPU in float32 with `torch.Generator().manual_seed(seed)`, to within 2e-6.
enum Noise {
  /// The least number of values that PyTorch draws in this way.
  static let leastCount = 16

  /// Fills 16 or more values. Only the low 32 bits of `seed` count, as in PyTorch.
  ///
  /// PyTorch first fills everything with uniform values and then turns blocks of 16 into normal
  /// ones (Box–Muller); what is left of a block at the end is drawn anew with the 16 last values.
  static func fill(_ values: UnsafeMutableBufferPointer<Float>, seed: UInt64) {
    var generator = MersenneTwister(seed: UInt32(truncatingIfNeeded: seed))
    for index in values.indices { values[index] = uniform(&generator) }
    let whole = values.count - values.count % leastCount
    for start in stride(from: 0, to: whole, by: leastCount) { transform(values, from: start) }
    if whole < values.count, values.count >= leastCount {
      let start = values.count - leastCount
      for index in start..<values.count { values[index] = uniform(&generator) }
      transform(values, from: start)
    }
  }

  /// A multiple of 2⁻²⁴ in [0,1).
  private static func uniform(_ generator: inout MersenneTwister) -> Float {
    Float(generator.next() & 0xff_ffff) * 0x1p-24
  }

  private static func transform(_ values: UnsafeMutableBufferPointer<Float>, from start: Int) {
    for index in start..<start + leastCount / 2 {
      let radius = sqrt(-2 * log(1 - Double(values[index])))
      let angle = 2 * Double.pi * Double(values[index + leastCount / 2])
      values[index] = Float(radius * cos(angle))
      values[index + leastCount / 2] = Float(radius * sin(angle))
    }
  }
}
