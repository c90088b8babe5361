import Foundation

/// Computes what `torch.randn` returns on the CPU in float32 with
/// `torch.Generator().manual_seed(seed)`, to within 2e-6.
enum Noise {
  /// The smallest number of values for which PyTorch uses this algorithm.
  static let leastCount = 16

  /// Fills 16 or more values. Only the low 32 bits of `seed` matter, as in PyTorch.
  ///
  /// PyTorch first fills all values from a uniform distribution and then transforms blocks of 16 to
  /// a normal distribution (Box–Muller). If the last block is incomplete, it draws the last 16
  /// values again.
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

  /// Returns a multiple of 2⁻²⁴ in [0,1).
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
