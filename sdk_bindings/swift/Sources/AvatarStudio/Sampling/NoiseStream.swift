import Foundation

/// Draws what `torch.randn` returns on the CPU in float32, call after call with one
/// `torch.Generator().manual_seed(seed)`, to within 2e-6.
struct NoiseStream {
  /// The smallest number of values for which PyTorch uses this algorithm.
  static let leastCount = 16

  private var generator: MersenneTwister

  /// Starts at the first number. Only the low 32 bits of `seed` matter, as in PyTorch.
  init(seed: UInt64) {
    generator = MersenneTwister(seed: UInt32(truncatingIfNeeded: seed))
  }

  /// Fills 16 or more values with the next draw.
  ///
  /// PyTorch first fills all values from a uniform distribution and then transforms blocks of 16 to
  /// a normal distribution (Box–Muller). If the last block is incomplete, it draws the last 16
  /// values again.
  mutating func fill(_ values: UnsafeMutableBufferPointer<Float>) {
    let block = Self.leastCount
    for index in values.indices { values[index] = uniform() }
    let whole = values.count - values.count % block
    for start in stride(from: 0, to: whole, by: block) { transform(values, from: start) }
    if whole < values.count, values.count >= block {
      let start = values.count - block
      for index in start..<values.count { values[index] = uniform() }
      transform(values, from: start)
    }
  }

  /// Returns a multiple of 2⁻²⁴ in [0,1).
  private mutating func uniform() -> Float {
    Float(generator.next() & 0xff_ffff) * 0x1p-24
  }

  private func transform(_ values: UnsafeMutableBufferPointer<Float>, from start: Int) {
    let half = Self.leastCount / 2
    for index in start..<start + half {
      let radius = sqrt(-2 * log(1 - Double(values[index])))
      let angle = 2 * Double.pi * Double(values[index + half])
      values[index] = Float(radius * cos(angle))
      values[index + half] = Float(radius * sin(angle))
    }
  }
}
