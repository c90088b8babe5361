import Foundation
import XCTest

@testable import AvatarStudio

/// The policy decides how many networks are in memory, and the order of the calls.
final class MemoryPolicyTests: XCTestCase {
  private func draw(
    _ policy: MemoryPolicy, _ backend: CountingBackend, count: Int = 3
  ) async throws -> [AvatarEvent] {
    let options = StudioOptions(
      backend: backend, faceDetector: nil, entitlement: .plus, memoryPolicy: policy)
    let studio = try await testStudio(
      options, manifest: Manifest.test.with(samplers: [.test(2, guidance: 1.5)]))
    XCTAssertEqual(studio.memoryPolicy, policy)
    return try await collect(
      studio.avatars(of: goodSelfies(2), style: .forTests, count: count, seed: 1))
  }

  private func names(_ events: [AvatarEvent]) -> [String] {
    events.map { event in
      switch event {
      case .progress(let progress): "step \(progress.avatar).\(progress.step)"
      case .drawn(let avatar): "avatar \(avatar.index)"
      case .finished: "finished"
      }
    }
  }

  func testOneAtATimeLoadsEachNetworkOnceForAllAvatarsOfAGuidedRun() async throws {
    let backend = CountingBackend()
    let events = try await draw(.oneAtATime, backend)
    XCTAssertEqual(backend.calls.names, ["identity_encoder", "denoiser", "decoder"])
    XCTAssertEqual(backend.runners.most, 1)
    XCTAssertEqual(backend.runners.count, 0, "a network is held after the run")
    let steps = (0..<3).flatMap { ["step \($0).1", "step \($0).2"] }
    XCTAssertEqual(names(events), steps + (0..<3).map { "avatar \($0)" } + ["finished"])
  }

  func testKeepAllLoadsEachNetworkOnceForAllRuns() async throws {
    let backend = CountingBackend()
    let options = StudioOptions(
      backend: backend, faceDetector: nil, entitlement: .plus, memoryPolicy: .keepAll)
    let studio = try await testStudio(options)
    for _ in 0..<2 {
      _ = try await collect(studio.avatars(of: goodSelfies(1), style: .forTests, count: 2))
    }
    XCTAssertEqual(backend.calls.names, ["identity_encoder", "denoiser", "decoder"])
    XCTAssertEqual(backend.runners.count, 3)
  }

  func testBothDrawTheSameAvatars() async throws {
    var pixels: [[[UInt8]]] = []
    for policy in [MemoryPolicy.keepAll, .oneAtATime] {
      let studio = try await testStudio(.fake(memoryPolicy: policy))
      let made = try await avatars(
        studio.avatars(of: goodSelfies(2), style: .forTests, count: 3, seed: 5))
      pixels.append(made.map(\.pixels))
    }
    XCTAssertEqual(pixels[0], pixels[1])
  }

  func testAFailedRunAndPreparingHoldNoNetworkEither() async throws {
    let backend = CountingBackend(failing: "denoiser")
    let error = await thrown { try await draw(.oneAtATime, backend) }
    XCTAssertEqual(error, .outOfMemory)
    XCTAssertEqual(backend.runners.count, 0)
    let prepared = CountingBackend()
    let options = StudioOptions(backend: prepared, faceDetector: nil, memoryPolicy: .oneAtATime)
    try await testStudio(options).prepare()
    XCTAssertEqual([prepared.runners.most, prepared.runners.count], [1, 0])
  }

  func testAutomaticGoesByTheDevicesMemory() {
    let manifest = Manifest.bundled
    let needed = UInt64(manifest.estimatedPeakMemoryBytes(.keepAll))
    let policy = MemoryPolicy.automatic
    XCTAssertEqual(policy.resolved(for: manifest, deviceBytes: 3 * needed + 2), .keepAll)
    XCTAssertEqual(policy.resolved(for: manifest, deviceBytes: 3 * needed - 3), .oneAtATime)
    XCTAssertEqual(MemoryPolicy.keepAll.resolved(for: manifest, deviceBytes: 1), .keepAll)
  }

  func testTheEstimateFollowsFilesAndShapes() {
    let spec = TensorSpec(name: "x", shape: [2, 50], elementType: .float32, isImage: false)
    let components = ["one", "two"].map {
      Component(name: $0, path: "\($0).model", inputs: [spec], outputs: [spec])
    }
    let files = [("README.md", 7), ("one.model", 1000), ("two.model/weights", 600)].map {
      ModelFile(path: $0.0, byteCount: $0.1, sha256: "")
    }
    func estimate(_ kind: Manifest.Kind, _ policy: MemoryPolicy) -> Int {
      Manifest.bundled.with(kind: kind, components: components, files: files)
        .estimatedPeakMemoryBytes(policy)
    }
    let tensors = 16 * 4 * 200
    XCTAssertEqual(estimate(.mlpackage, .keepAll), 1600 + tensors)
    XCTAssertEqual(estimate(.mlpackage, .oneAtATime), 1000 + tensors)
    XCTAssertEqual(estimate(.onnx, .oneAtATime), 5000 + tensors)
    XCTAssertEqual(estimate(.ort, .keepAll), 4000 + tensors)
  }

  func testPreviewsComeIfTheAppAsksAndTheModelHasThem() async throws {
    let latents = try Manifest.test.component(.denoiser).input("latents").shape
    let preview = LatentPreview(
      matrix: Array(repeating: [0.1, 0.2, 0.3], count: latents[1]), offset: [0.5, 0.5, 0.5])
    for (manifest, asked) in [
      (Manifest.test.with(preview: preview), true), (Manifest.test.with(preview: preview), false),
    ] {
      let studio = try await testStudio(manifest: manifest)
      let events = try await collect(
        studio.avatars(of: goodSelfies(1), style: .forTests, seed: 1, previews: asked))
      for case .progress(let progress) in events {
        let size = progress.preview.map { [$0.height, $0.width] }
        XCTAssertEqual(size, asked ? Array(latents[2...]) : nil)
      }
    }
  }
}
