/// The random number generator MT19937 (Matsumoto and Nishimura, "Mersenne Twister: a
/// 623-dimensionally equidistributed uniform pseudo-random number generator", ACM TOMACS 8, 1998).
struct MersenneTwister {
  private static let size = 624
  private static let shift = 397
  private var state: [UInt32]
  private var used = size

  init(seed: UInt32) {
    state = [seed]
    state.reserveCapacity(Self.size)
    var last = seed
    for index in 1..<UInt32(Self.size) {
      last = 1_812_433_253 &* (last ^ (last >> 30)) &+ index
      state.append(last)
    }
  }

  /// Returns the next 32 random bits.
  mutating func next() -> UInt32 {
    if used == Self.size { renew() }
    var word = state[used]
    used += 1
    word ^= word >> 11
    word ^= (word << 7) & 0x9d2c_5680
    word ^= (word << 15) & 0xefc6_0000
    return word ^ (word >> 18)
  }

  private mutating func renew() {
    for index in 0..<Self.size {
      let high = state[index] & 0x8000_0000
      let low = state[(index + 1) % Self.size] & 0x7fff_ffff
      let word = high | low
      let twist: UInt32 = word & 1 == 0 ? 0 : 0x9908_b0df
      state[index] = state[(index + Self.shift) % Self.size] ^ (word >> 1) ^ twist
    }
    used = 0
  }
}
