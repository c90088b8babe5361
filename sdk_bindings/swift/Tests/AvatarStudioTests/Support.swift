import Foundation
import XCTest

@testable import AvatarStudio

/// Where tests find golden vectors and a model; both are said by the environment or lie where the
/// repository or a published package has them.
enum Place {
  static let package = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Folder of the golden vectors that every language is tested with.
  static let golden = first(
    environment("AVATAR_GOLDEN"), package.appendingPathComponent("golden"),
    package.deletingLastPathComponent().appendingPathComponent("golden"))

  /// Folder of the model, or nil.
  static let artifact = first(
    environment("AVATAR_ARTIFACT"), package.appendingPathComponent("Sources/AvatarStudio/Artifact"),
    package.appendingPathComponent("../../dist/onnx").standardized)

  /// Folder of the model's own golden vectors, or nil.
  static let artifactGolden = first(
    package.appendingPathComponent("golden/artifact"), artifact?.appendingPathComponent("golden"))

  private static func environment(_ name: String) -> URL? {
    ProcessInfo.processInfo.environment[name].map { URL(fileURLWithPath: $0) }
  }

  private static func first(_ folders: URL?...) -> URL? {
    folders.compactMap { $0 }.first { FileManager.default.fileExists(atPath: $0.path) }
  }

  /// Throws `XCTSkip` with the reason where there is no model that this platform runs.
  static func requiredArtifact() throws -> URL {
    guard let artifact else {
      throw XCTSkip("there is no model; export one, or name it in AVATAR_ARTIFACT")
    }
    if ModelDescription.bundled.kind == .mlpackage {
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

extension AvatarOptions {
  static func fake(
    _ before: @escaping FakeBackend.Hook = { (_) throws(AvatarError) in },
    entitlement: Entitlement = .plus, allocator: any BufferAllocator = SystemAllocator(),
    faceDetector: (any FaceDetector)? = nil
  ) -> AvatarOptions {
    AvatarOptions(
      backend: FakeBackend(before: before), faceDetector: faceDetector, entitlement: entitlement,
      allocator: allocator)
  }
}

extension ModelDescription {
  /// A copy in which some of what the manifest says is different.
  func with(
    schemaVersion: Int? = nil, components: [ComponentDescription]? = nil,
    samplers: [SamplerTable]? = nil, files: [ModelFile]? = nil
  ) -> ModelDescription {
    ModelDescription(
      schemaVersion: schemaVersion ?? self.schemaVersion, version: version, licence: licence,
      checkpoint: checkpoint, digest: digest, kind: kind,
      components: components ?? self.components, samplers: samplers ?? self.samplers,
      rules: rules, files: files ?? self.files)
  }
}

/// Pictures that keep every rule and differ from each other.
func goodSelfies(_ count: Int, side: Int = 160) -> [Selfie] {
  (0..<count).map { index in
    var generator = MersenneTwister(seed: UInt32(index + 1))
    let pixels = (0..<3 * side * side).map { _ in UInt8(64 + generator.next() % 128) }
    return Selfie(pixels: pixels, width: side, height: side)
  }
}

/// 20·log10(peak) − 10·log10(mean squared difference), in dB.
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

/// All events of a run.
func collect(_ events: AvatarEvents) async throws -> [AvatarEvent] {
  var all: [AvatarEvent] = []
  for try await event in events { all.append(event) }
  return all
}

/// The avatars of a run.
func avatars(_ events: AvatarEvents) async throws -> [Avatar] {
  try await collect(events).compactMap { if case .avatar(let avatar) = $0 { avatar } else { nil } }
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

/// What `body` throws, where that is an `AvatarError`.
func thrown<Result>(_ body: () async throws -> Result) async -> AvatarError? {
  do {
    _ = try await body()
    return nil
  } catch {
    return error as? AvatarError
  }
}
