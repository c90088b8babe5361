import XCTest

@testable import AvatarStudio

/// The sampling loop agrees with values that were computed by hand.
final class SamplerTests: XCTestCase {
  private func tensor(_ values: [Float]) throws -> Tensor {
    let tensor = try Tensor(shape: [values.count], allocator: SystemAllocator())
    tensor.withFloats { _ = $0.update(from: values) }
    return tensor
  }

  func testAnEulerStep() throws {
    let table = SamplerTable(guidance: 1, timesteps: [1000, 500], sigmas: [1, 0.5, 0])
    let latents = try tensor([1, -2])
    Sampler(table: table).step(0, latents, try tensor([4, 2]), unconditioned: nil)
    XCTAssertEqual(latents.floats, [-1, -3])
  }

  func testGuidance() throws {
    let table = SamplerTable(guidance: 1.5, timesteps: [1000], sigmas: [1, 0])
    let latents = try tensor([1, 0])
    let plain = try tensor([2, 4])
    Sampler(table: table).step(0, latents, try tensor([4, 2]), unconditioned: plain)
    XCTAssertEqual(latents.floats, [-4, -1])
  }

  func testPublishedWordsOfMT19937() {
    // The first outputs of mt19937ar.c after init_genrand(5489), its default seed.
    var generator = MersenneTwister(seed: 5489)
    XCTAssertEqual(
      (0..<5).map { _ in generator.next() },
      [3_499_211_612, 581_869_302, 3_890_346_734, 3_586_334_585, 545_404_204])
    // C++11, 26.5.5: the 10000th of a default-constructed mt19937 is 4123659995.
    for _ in 5..<9999 { _ = generator.next() }
    XCTAssertEqual(generator.next(), 4_123_659_995)
  }
}
