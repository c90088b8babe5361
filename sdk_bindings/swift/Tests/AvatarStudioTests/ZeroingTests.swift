import XCTest

@testable import AvatarStudio

/// Memory is zeroed and returned when a run ends, fails or is cancelled.
final class ZeroingTests: XCTestCase {
  private func finish(
    _ allocator: WatchedAllocator,
    _ before: @escaping FakeBackend.Hook = { (_) throws(AvatarError) in },
    selfies: [Selfie] = goodSelfies(3)
  ) async throws -> AvatarError? {
    let studio = try await testStudio(.fake(before, allocator: allocator))
    var thrown: AvatarError?
    do {
      _ = try await collect(studio.avatars(of: selfies, style: .forTests, count: 2, seed: 1))
    } catch {
      thrown = try XCTUnwrap(error as? AvatarError)
    }
    XCTAssertEqual(allocator.counts.live, 0, "memory is still held")
    XCTAssertEqual(allocator.counts.dirty, 0, "memory came back with something in it")
    return thrown
  }

  func testAfterSuccess() async throws {
    let allocator = WatchedAllocator()
    let error = try await finish(allocator)
    XCTAssertNil(error)
    XCTAssertGreaterThan(allocator.counts.given, 20, "the allocator was not used")
  }

  func testAfterEveryFailure() async throws {
    for place in 0..<7 {
      let calls = Calls()
      let failure = AvatarError.runtimeFailed(component: "test", reason: "\(place)")
      let error = try await finish(
        WatchedAllocator(),
        { (name) throws(AvatarError) in
          calls.add(name)
          if calls.names.count == place + 1 { throw failure }
        })
      XCTAssertEqual(error, failure)
    }
  }

  func testAfterRefusal() async throws {
    let black = Selfie(pixels: [UInt8](repeating: 0, count: 3 * 200 * 200), width: 200, height: 200)
    let error = try await finish(WatchedAllocator(), selfies: goodSelfies(1) + [black])
    guard case .selfiesRefused = error else { return XCTFail("\(String(describing: error))") }
  }

  func testWhenMemoryRunsOutAnywhere() async throws {
    let whole = WatchedAllocator()
    _ = try await finish(whole)
    var failures = 0
    for limit in stride(from: 0, through: whole.mostLive, by: whole.mostLive / 16) {
      let error = try await finish(WatchedAllocator(mostBytes: limit))
      if error == .outOfMemory { failures += 1 } else { XCTAssertNil(error) }
    }
    XCTAssertGreaterThan(failures, 3)
  }

  func testCheckingHoldsNothing() async throws {
    let allocator = WatchedAllocator()
    let studio = try await testStudio(.fake(allocator: allocator))
    let refusals = try await studio.check(goodSelfies(4))
    XCTAssertEqual(refusals, [])
    XCTAssertEqual(allocator.counts.live, 0)
    XCTAssertEqual(allocator.counts.dirty, 0)
  }

  func testMemoryIsZeroWhenItIsGiven() throws {
    let tensor = try Tensor(shape: [3, 5], allocator: WatchedAllocator())
    XCTAssertEqual(tensor.floats, [Float](repeating: 0, count: 15))
  }
}
