import Foundation
import XCTest

@testable import AvatarStudio

/// The studio reports events, applies options and drops models as documented, with fake networks.
final class StudioTests: XCTestCase {
  func testEventsComeInOrder() async throws {
    let studio = try await testStudio()
    let selfies = goodSelfies(2)
    let events = try await collect(
      studio.avatars(of: selfies, style: .forTests, count: 2, seed: 7))
    let names = events.map { event in
      switch event {
      case .progress(let progress): "\(progress.avatar).\(progress.step)/\(progress.steps)"
      case .drawn(let avatar): "avatar \(avatar.index) seed \(avatar.seed)"
      case .finished(let summary): "finished \(summary.count)"
      }
    }
    XCTAssertEqual(
      names,
      ["0.1/2", "0.2/2", "avatar 0 seed 7", "1.1/2", "1.2/2", "avatar 1 seed 8", "finished 2"])
    guard case .progress(let last) = events[4], case .finished(let summary) = events[6] else {
      return XCTFail("no summary")
    }
    XCTAssertEqual(last.fraction, 1)
    XCTAssertGreaterThan(summary.peakMemoryBytes, 1_000_000)
    XCTAssertGreaterThan(summary.totalSeconds, summary.secondsPerStep)
    XCTAssertGreaterThan(summary.secondsPerStep, 0)
  }

  func testSeedsWrapAround() async throws {
    let studio = try await testStudio()
    let made = try await avatars(
      studio.avatars(of: goodSelfies(1), style: .forTests, count: 2, seed: .max))
    XCTAssertEqual(made.map(\.seed), [.max, 0])
  }

  func testTheSameCallGivesTheSameAvatarAndAnotherSeedAnotherOne() async throws {
    let studio = try await testStudio()
    let selfies = goodSelfies(1)
    let first = try await avatars(studio.avatars(of: selfies, style: .forTests, count: 2, seed: 1))
    let again = try await avatars(studio.avatars(of: selfies, style: .forTests, seed: 1))
    XCTAssertEqual(first[0], again[0])
    XCTAssertNotEqual(first[0].pixels, first[1].pixels)
    for style in AvatarStyle.allCases where style != .forTests {
      let other = try await avatars(studio.avatars(of: selfies, style: style, seed: 1))
      XCTAssertNotEqual(first[0].pixels, other[0].pixels)
    }
  }

  func testPlusComesBeforeAnyWork() async throws {
    let calls = Calls()
    let studio = try await testStudio(
      .fake({ (name) throws(AvatarError) in calls.add(name) }, entitlement: .free))
    let broken = [Selfie(Data())]
    for style in AvatarStyle.allCases where style.needsPlus {
      await assertThrows(.styleNeedsPlus(style)) {
        try await collect(studio.avatars(of: broken, style: style))
      }
    }
    XCTAssertEqual(calls.names, [])
    await studio.setEntitlement(.plus)
    _ = try await collect(studio.avatars(of: goodSelfies(1), style: .forTests))
    XCTAssertEqual(calls.names, ["identity_encoder", "denoiser", "denoiser", "decoder"])
  }

  func testStepsChooseTheTable() async throws {
    let calls = Calls()
    let studio = try await testStudio(.fake { (name) throws(AvatarError) in calls.add(name) })
    for steps in studio.manifest.samplers.map(\.timesteps.count) {
      calls.clear()
      _ = try await collect(studio.avatars(of: goodSelfies(1), style: .forTests, steps: steps))
      XCTAssertEqual(calls.names.filter { $0 == "denoiser" }.count, steps)
    }
    await assertThrows(.stepsUnknown(steps: 3, known: [1, 2, 4])) {
      try await collect(studio.avatars(of: goodSelfies(1), style: .forTests, steps: 3))
    }
  }

  func testGuidanceTakesTwoCallsAndNullTokensOnlyThen() async throws {
    let table = SamplerTable(guidance: 1.5, timesteps: [1000], sigmas: [1, 0])
    let calls = Calls()
    let studio = try await testStudio(
      .fake { (name) throws(AvatarError) in calls.add(name) },
      manifest: Manifest.test.with(samplers: [table]))
    _ = try await collect(studio.avatars(of: goodSelfies(1), style: .forTests))
    XCTAssertEqual(
      calls.names, ["identity_encoder", "identity_encoder", "denoiser", "denoiser", "decoder"])
  }

  func testPreparingRunsEachNetworkOnce() async throws {
    let calls = Calls()
    let studio = try await testStudio(.fake { (name) throws(AvatarError) in calls.add(name) })
    try await studio.prepare()
    XCTAssertEqual(calls.names, ["identity_encoder", "denoiser", "decoder"])
  }

  func testAClosedStudioSaysSo() async throws {
    let studio = try await testStudio()
    await studio.close()
    await assertThrows(.closed) { try await studio.prepare() }
    await assertThrows(.closed) { try await studio.check([]) }
    await assertThrows(.closed) {
      try await collect(studio.avatars(of: goodSelfies(1), style: .forTests))
    }
  }

  func testAMemoryWarningDropsTheNetworksAndTheNextCallLoadsThemAgain() async throws {
    let backend = CountingBackend()
    let (warnings, warn) = AsyncStream.makeStream(of: Void.self)
    let studio = try await AvatarStudio(
      .bundled, options: StudioOptions(backend: backend, faceDetector: nil), manifest: .test,
      memoryPressure: warnings)
    try await studio.prepare()
    try await studio.prepare()
    XCTAssertEqual(backend.calls.names.count, 3)
    warn.yield()
    for _ in 0..<1000 where backend.runners.count > 0 {
      try await Task.sleep(nanoseconds: 1_000_000)
    }
    XCTAssertEqual(backend.runners.count, 0, "the networks are still held")
    try await studio.prepare()
    XCTAssertEqual(backend.calls.names.count, 6)
  }
}

/// Collects names from any thread.
final class Calls: @unchecked Sendable {
  private let lock = NSLock()
  private var all: [String] = []
  var names: [String] { lock.withLock { all } }
  func add(_ name: String) { lock.withLock { all.append(name) } }
  func clear() { lock.withLock { all = [] } }
}

/// Counts the loaded components and the runners that are still referenced.
final class CountingBackend: Backend {
  final class Alive: @unchecked Sendable {
    private let lock = NSLock()
    private var alive = 0
    private var peak = 0
    var count: Int { lock.withLock { alive } }
    var most: Int { lock.withLock { peak } }
    func change(by number: Int) {
      lock.withLock {
        alive += number
        peak = max(peak, alive)
      }
    }
  }

  private final class Counted: Runner {
    let alive: Alive
    init(_ alive: Alive) {
      self.alive = alive
      alive.change(by: 1)
    }
    deinit { alive.change(by: -1) }
    func run(_ inputs: [String: Tensor], into outputs: [String: Tensor]) throws(AvatarError) {}
  }

  /// The component that memory is too short for.
  private let failing: String?

  init(failing: String? = nil) { self.failing = failing }

  let calls = Calls()
  let runners = Alive()
  var needsFiles: Bool { false }

  func load(
    _ component: Component, of manifest: Manifest, in folder: URL?
  ) async throws(AvatarError) -> any Runner {
    if component.name == failing { throw .outOfMemory }
    calls.add(component.name)
    return Counted(runners)
  }
}
