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
    faceDetector: (any FaceDetector)? = nil, memoryPolicy: MemoryPolicy = .keepAll,
    landmarkDetector: (any FaceLandmarkDetector)? = nil
  ) -> StudioOptions {
    StudioOptions(
      backend: FakeBackend(onCall: before), faceDetector: faceDetector, entitlement: entitlement,
      allocator: allocator, memoryPolicy: memoryPolicy, landmarkDetector: landmarkDetector)
  }
}

/// Opens a studio whose networks have the model's shapes, and its own tables.
func testStudio(
  _ options: StudioOptions = .fake(), manifest: Manifest = .test
) async throws -> AvatarStudio {
  try await AvatarStudio(
    .bundled, options: options, manifest: manifest, memoryPressure: AsyncStream { $0.finish() })
}

extension AvatarStyle {
  /// A style of the model, whichever it has.
  static let forTests = allCases[0]
}

extension SamplerTable {
  /// Levels that fall evenly to 0.
  static func test(_ steps: Int, guidance: Double = 1) -> SamplerTable {
    let sigmas = (0...steps).map { 1 - Double($0) / Double(steps) }
    return SamplerTable(
      guidance: guidance, timesteps: sigmas.dropLast().map { 1000 * $0 }, sigmas: sigmas)
  }
}

extension Manifest {
  /// The bundled manifest with tables for two steps, which is the default, one step and four steps,
  /// and with places for six selfies.
  static let test = bundled.with(
    components: bundled.components.map { $0.with(places: 6) },
    samplers: [.test(2), .test(1), .test(4)],
    rules: bundled.rules.map { rule in
      guard rule.rule == .count else { return rule }
      return RuleLimits(rule: .count, min: 1, max: 6, about: rule.about)
    })

  /// The side of the identity encoder's selfies in pixels.
  var selfieSize: Int {
    components.first { $0.name == "identity_encoder" }?.inputs[0].shape[3] ?? 0
  }

  /// A side of pictures that is large enough for the rules, and not the encoder's own.
  var enoughPixels: Int {
    let least = rules.first { $0.rule == .side }?.min.map { Int($0) } ?? 0
    return max(160, selfieSize + 32, least + 32)
  }

  /// Returns a copy with some values replaced, which takes centre squares if nothing else is said.
  func with(
    schemaVersion: Int? = nil, kind: Kind? = nil, components: [Component]? = nil,
    samplers: [SamplerTable]? = nil, preview: LatentPreview? = nil, rules: [RuleLimits]? = nil,
    takesAlignedFaces: Bool = false, files: [ModelFile]? = nil
  ) -> Manifest {
    Manifest(
      schemaVersion: schemaVersion ?? self.schemaVersion, version: version, licence: licence,
      checkpoint: checkpoint, digest: digest, kind: kind ?? self.kind,
      components: components ?? self.components, samplers: samplers ?? self.samplers,
      preview: preview ?? self.preview, rules: rules ?? self.rules,
      takesAlignedFaces: takesAlignedFaces, files: files ?? self.files)
  }
}

extension Component {
  /// Returns a copy whose inputs `selfies` and `selfie_mask`, if it has them, have this many places.
  func with(places: Int) -> Component {
    let inputs = inputs.map { input in
      guard input.name.hasPrefix("selfie") else { return input }
      return TensorSpec(
        name: input.name, shape: [places] + input.shape.dropFirst(),
        elementType: input.elementType, isImage: input.isImage)
    }
    return Component(name: name, path: path, inputs: inputs, outputs: outputs)
  }
}

/// Returns pictures of 20×20 coloured tiles that follow every rule and differ from each other.
func goodSelfies(_ count: Int, side: Int = Manifest.bundled.enoughPixels) -> [Selfie] {
  (0..<count).map { index in
    var generator = MersenneTwister(seed: UInt32(index + 1))
    let colours = (0..<3 * 21 * 21).map { _ in UInt8(64 + generator.next() % 128) }
    let tile = side / 20
    var pixels: [UInt8] = []
    pixels.reserveCapacity(3 * side * side)
    for y in 0..<side {
      for x in 0..<side {
        let start = 3 * (21 * (y / tile) + x / tile)
        pixels += colours[start..<start + 3]
      }
    }
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
