import Foundation
import XCTest

@testable import AvatarStudio

/// The folders of the golden vectors and of a model.
///
/// The environment names them, or they lie where the repository or a published package has them.
enum Place {
  static let package = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The folder of the golden vectors that every language is tested with.
  static let golden = first(
    environment("AVATAR_GOLDEN"), package.appendingPathComponent("golden"),
    package.deletingLastPathComponent().appendingPathComponent("golden"))

  /// The folder of the model, or nil if there is none.
  static let artifact = first(
    environment("AVATAR_ARTIFACT"), package.appendingPathComponent("Sources/AvatarStudio/Artifact"),
    package.appendingPathComponent("../../dist/onnx").standardized)

  /// The folder of the model's own golden vectors, or nil if there is none.
  static let artifactGolden = first(
    package.appendingPathComponent("golden/artifact"), artifact?.appendingPathComponent("golden"))

  private static func environment(_ name: String) -> URL? {
    ProcessInfo.processInfo.environment[name].map { URL(fileURLWithPath: $0) }
  }

  private static func first(_ folders: URL?...) -> URL? {
    folders.compactMap { $0 }.first { FileManager.default.fileExists(atPath: $0.path) }
  }

  /// Returns the folder of the model. Throws `XCTSkip` if there is no model that this platform runs.
  static func requiredArtifact() throws -> URL {
    guard let artifact else {
      throw XCTSkip("there is no model; export one, or name it in AVATAR_ARTIFACT")
    }
    if Manifest.bundled.kind == .mlpackage {
      #if !canImport(CoreML)
        throw XCTSkip("the package carries a Core ML model, which runs on Apple's platforms only")
      #endif
    }
    return artifact
  }

  static func requiredGolden(_ name: String) throws -> URL {
    let folder = try XCTUnwrap(golden, "there are no golden vectors")
    return folder.appendingPathComponent(name)
  }
}

extension StudioOptions {
  static func fake(
    _ before: @escaping FakeBackend.Hook = { (_) throws(AvatarError) in },
    entitlement: Tier = .plus, allocator: any BufferAllocator = SystemAllocator(),
    faceDetector: (any FaceDetector)? = nil
  ) -> StudioOptions {
    StudioOptions(
      backend: FakeBackend(onCall: before), faceDetector: faceDetector, entitlement: entitlement,
      allocator: allocator)
  }
}

extension Manifest {
  /// Returns a copy with some values replaced.
  func with(
    schemaVersion: Int? = nil, components: [Component]? = nil,
    samplers: [SamplerTable]? = nil, files: [ModelFile]? = nil
  ) -> Manifest {
    Manifest(
      schemaVersion: schemaVersion ?? self.schemaVersion, version: version, licence: licence,
      checkpoint: checkpoint, digest: digest, kind: kind,
      components: components ?? self.components, samplers: samplers ?? self.samplers,
      rules: rules, files: files ?? self.files)
  }
}

/// Returns pictures that follow every rule and differ from each other.
func goodSelfies(_ count: Int, side: Int = 160) -> [Selfie] {
  (0..<count).map { index in
    var generator = MersenneTwister(seed: UInt32(index + 1))
    let pixels = (0..<3 * side * side).map { _ in UInt8(64 + generator.next() % 128) }
    return Selfie(pixels: pixels, width: side, height: side)
  }
}

/// Returns 20·log10(peak) − 10·log10(mean squared difference), in dB.
func psnr(_ one: [Float], _ other: [Float], peak: Double = 1) -> Double {
  precondition(one.count == other.count && !one.isEmpty)
  var sum = 0.0
  for (left, right) in zip(one, other) {
    let error = Double(left) - Double(right)
    sum += error * error
  }
  return 20 * log10(peak) - 10 * log10(sum / Double(one.count))
}

extension Tensor {
  var floats: [Float] { withFloats { Array($0) } }
  var integers: [Int32] { withIntegers { Array($0) } }
}

/// Returns all events of a run.
func collect(_ events: AvatarEvents) async throws -> [AvatarEvent] {
  var all: [AvatarEvent] = []
  for try await event in events { all.append(event) }
  return all
}

/// Returns the avatars of a run.
func avatars(_ events: AvatarEvents) async throws -> [Avatar] {
  try await collect(events).compactMap { if case .drawn(let avatar) = $0 { avatar } else { nil } }
}

/// Fails unless `body` throws exactly this error.
func assertThrows<Result>(
  _ expected: AvatarError, file: StaticString = #filePath, line: UInt = #line,
  _ body: () async throws -> Result
) async {
  do {
    _ = try await body()
    XCTFail("nothing was thrown, expected \(expected)", file: file, line: line)
  } catch let error as AvatarError {
    XCTAssertEqual(error, expected, file: file, line: line)
  } catch {
    XCTFail("\(error) was thrown, expected \(expected)", file: file, line: line)
  }
}

/// Returns the `AvatarError` that `body` throws, or nil if it throws none.
func thrown<Result>(_ body: () async throws -> Result) async -> AvatarError? {
  do {
    _ = try await body()
    return nil
  } catch {
    return error as? AvatarError
  }
}
