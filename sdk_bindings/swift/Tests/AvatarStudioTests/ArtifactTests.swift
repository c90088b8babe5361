import Foundation
import XCTest

@testable import AvatarStudio

/// A model that differs from the one in the generated file gives one typed error.
final class ArtifactTests: XCTestCase {
  private var folder = URL(fileURLWithPath: "/nowhere")

  override func setUpWithError() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (name, text) in contents { try Data(text.utf8).write(to: url(name)) }
  }

  override func tearDownWithError() throws { try FileManager.default.removeItem(at: folder) }

  private let contents = ["README.md": "card", "one.onnx": "first", "two.onnx": "second"]

  private func url(_ name: String) -> URL { folder.appendingPathComponent(name) }

  /// Returns a manifest of the files above.
  private func manifest() throws -> Manifest {
    let files = try contents.keys.sorted().map { name in
      ModelFile(
        path: name, byteCount: contents[name]?.utf8.count ?? 0,
        sha256: try sha256(of: FileHandle(forReadingFrom: url(name))))
    }
    let components = ["one", "two"].map {
      Component(name: $0, path: "\($0).onnx", inputs: [], outputs: [])
    }
    return Manifest.bundled.with(components: components, files: files)
  }

  private func assertRefused(_ expected: AvatarError, line: UInt = #line, change: () throws -> Void)
    throws
  {
    let artifact = Artifact(manifest: try manifest(), folder: folder)
    XCTAssertNoThrow(try artifact.verify(), line: line)
    try change()
    XCTAssertThrowsError(try artifact.verify(), line: line) {
      XCTAssertEqual($0 as? AvatarError, expected, line: line)
    }
  }

  func testATruncatedFile() throws {
    try assertRefused(.modelDamaged(file: "two.onnx")) {
      try Data("secon".utf8).write(to: url("two.onnx"))
    }
  }

  func testOneChangedByte() throws {
    try assertRefused(.modelDamaged(file: "one.onnx")) {
      try Data("firsT".utf8).write(to: url("one.onnx"))
    }
  }

  func testAMissingFile() throws {
    try assertRefused(.modelDamaged(file: "one.onnx")) {
      try FileManager.default.removeItem(at: url("one.onnx"))
    }
  }

  func testAFolderInAFilesPlace() throws {
    try assertRefused(.modelDamaged(file: "one.onnx")) {
      try FileManager.default.removeItem(at: url("one.onnx"))
      try FileManager.default.createDirectory(
        at: url("one.onnx"), withIntermediateDirectories: false)
    }
  }

  func testAnotherModel() throws {
    try assertRefused(.modelOfAnotherVersion(reason: "one.onnx, two.onnx differ")) {
      try Data("other".utf8).write(to: url("one.onnx"))
      try Data("models".utf8).write(to: url("two.onnx"))
    }
  }

  func testNoModel() throws {
    try assertRefused(.modelMissing(path: folder.path)) {
      for name in contents.keys { try FileManager.default.removeItem(at: url(name)) }
    }
  }

  func testAnotherSchema() async throws {
    let expected = "its manifest has schema version 99, expected 1 or 2"
    await assertThrows(.modelOfAnotherVersion(reason: expected)) {
      try await AvatarStudio(
        .bundled, options: .fake(), manifest: Manifest.bundled.with(schemaVersion: 99),
        memoryPressure: AsyncStream { $0.finish() })
    }
  }

  func testSchemasOfBothVersions() async throws {
    for version in 1...2 {
      let manifest = Manifest.test.with(schemaVersion: version)
      let studio = try await testStudio(manifest: manifest)
      XCTAssertEqual(studio.manifest.schemaVersion, version)
    }
  }

  func testUnfinishedSamplerTables() async throws {
    let (times, levels) = ([1000.0, 500], [1, 0.5, 0])
    for table in [
      SamplerTable(guidance: 1, timesteps: times, sigmas: [1, 0]),
      SamplerTable(guidance: 1, timesteps: times, sigmas: levels, downs: [0.5, 0]),
      SamplerTable(guidance: 1, timesteps: times, sigmas: levels, downs: [0.5], noises: [0]),
      SamplerTable(guidance: 1, timesteps: times, sigmas: levels, downs: [1, 0], noises: [1, 0]),
    ] {
      await assertThrows(.modelOfAnotherVersion(reason: "a sampler table is incomplete")) {
        try await testStudio(manifest: Manifest.test.with(samplers: [table]))
      }
    }
  }

  func testAPreviewOfOtherLatents() async throws {
    let preview = LatentPreview(matrix: [], offset: [0, 0, 0])
    await assertThrows(.modelOfAnotherVersion(reason: "its preview does not fit its latents")) {
      try await testStudio(manifest: Manifest.test.with(preview: preview))
    }
  }

  func testEveryFileOfTheShippedModelIsChecked() async throws {
    let folder = try Place.requiredArtifact()
    let manifest = Manifest.bundled
    XCTAssertNoThrow(try Artifact(manifest: manifest, folder: folder).verify())
    for component in manifest.components {
      XCTAssertTrue(manifest.files.contains { $0.path.hasPrefix(component.path) }, component.name)
    }
  }

  func testStylesOfAnotherModelHaveNoNameHere() {
    XCTAssertThrowsError(try AvatarStyle(named: "crayon")) {
      XCTAssertEqual($0 as? AvatarError, .styleUnknown(name: "crayon"))
      XCTAssertTrue("\($0)".contains(AvatarStyle.forTests.rawValue))
    }
    for style in AvatarStyle.allCases {
      XCTAssertEqual(try AvatarStyle(named: style.rawValue), style)
    }
  }

  func testCreditsNameWhatTheManifestNames() {
    func credit(_ source: String, _ creator: String, _ licence: String, _ url: String) -> String {
      StyleDetails(
        index: 0, title: "Clay", tier: .free, licence: licence, licenceURL: url, creator: creator,
        creatorURL: "", source: source, sourceURL: ""
      ).credit
    }
    XCTAssertEqual(
      credit("Peeps", "Ann", "CC0 1.0", "https://x"),
      "“Peeps” by Ann, CC0 1.0 (https://x), remixed by a neural network")
    XCTAssertEqual(credit("", "Ann", "MIT", ""), "Clay by Ann, MIT")
    XCTAssertEqual(credit("", "", "", ""), "Clay")
  }
}
