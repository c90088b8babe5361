import Foundation
import XCTest

@testable import AvatarStudio

/// The shipped model in the real runtime agrees with what Python recorded at export.
final class EndToEndTests: XCTestCase {
  private func golden(_ name: String) throws -> Safetensors {
    _ = try Place.requiredArtifact()
    guard let folder = Place.artifactGolden else {
      throw XCTSkip("the model has no golden vectors")
    }
    return try Safetensors(folder.appendingPathComponent("\(name).safetensors"))
  }

  private func studio() async throws -> AvatarStudio {
    // Recorded selfies need not follow the rules.
    let options = StudioOptions(faceDetector: nil, entitlement: .plus)
    return try await AvatarStudio(
      .folder(Place.requiredArtifact()), options: options, manifest: .bundled.with(rules: []),
      memoryPressure: AsyncStream { $0.finish() })
  }

  private static func inputs(
    of component: Component, _ file: Safetensors, call: Int
  ) throws -> [String: Tensor] {
    var inputs: [String: Tensor] = [:]
    for input in component.inputs {
      let tensor = try input.tensor(allocator: SystemAllocator())
      let name = "\(call).inputs.\(input.name)"
      switch input.elementType {
      case .float32:
        let values = try file.floats(name)
        tensor.withFloats { _ = $0.update(from: values) }
      case .int32:
        let values = try file.integers(name)
        tensor.withIntegers { _ = $0.update(from: values) }
      }
      inputs[input.name] = tensor
    }
    return inputs
  }

  func testEveryComponent() async throws {
    for component in ComponentName.allCases {
      let file = try golden(component.rawValue)
      let studio = try await studio()
      let description = try studio.manifest.component(component)
      let output = try description.output()
      for call in 0..<Set(file.names.map { $0.prefix { $0 != "." } }).count {
        let expected = try file.floats("\(call).outputs.\(output.name)")
        let got = try await studio.call(component) {
          try Self.inputs(of: description, file, call: call)
        }
        let peak = output.isImage ? 1 : expected.map { Double(abs($0)) }.max() ?? 1
        let decibels = psnr(got, expected, peak: peak)
        print("\(component.rawValue) call \(call): \(decibels) dB")
        XCTAssertGreaterThan(decibels, 55, "\(component.rawValue), call \(call)")
      }
    }
  }

  /// Returns the selfies of the recorded run. They are 8-bit pictures of the encoder's size, so they
  /// can be passed to the studio like the pictures of an app.
  func testTheWholeRunByTheFrontDoor() async throws {
    let file = try golden("run")
    let mask = try file.floats("0.inputs.selfie_mask")
    let pixels = try file.floats("0.inputs.selfies")
    let shape = try XCTUnwrap(file.entries["0.inputs.selfies"]).shape
    let area = shape[2] * shape[3]
    let selfies = mask.indices.filter { mask[$0] == 1 }.map { index in
      let bytes = (0..<3 * area).map { place in
        let value = pixels[(3 * index + place % 3) * area + place / 3] * 255
        XCTAssertEqual(value, value.rounded())
        return UInt8(value)
      }
      return Selfie(pixels: bytes, width: shape[3], height: shape[2])
    }
    let index = Int(try file.integers("0.inputs.style")[0])
    let style = try XCTUnwrap(AvatarStyle.allCases.first { $0.details.index == index })
    let made = try await avatars(studio().avatars(of: selfies, style: style, seed: 0))
    let avatar = try XCTUnwrap(made.first)
    let expected = try file.floats("0.outputs.avatar")
    let count = avatar.width * avatar.height
    let got = (0..<3 * count).map { Float(avatar.pixels[3 * ($0 % count) + $0 / count]) / 255 }
    let rounded = expected.map { ($0 * 255 + 0.5).rounded(.down) / 255 }
    print("whole run: \(psnr(got, expected)) dB, \(psnr(got, rounded)) dB after rounding")
    XCTAssertGreaterThan(psnr(got, expected), 55)
  }

  func testAModelOfAnotherShapeIsAnError() async throws {
    let studio = try await studio()
    let error = await thrown {
      try await studio.call(.decoder) {
        ["latents": try Tensor(shape: [1, 2], allocator: SystemAllocator())]
      }
    }
    guard case .runtimeFailed("decoder", _) = error else { return XCTFail("\(error as Any)") }
  }

  func testAFileThatIsNoModelIsAnError() async throws {
    #if canImport(COnnxRuntime)
      let folder = FileManager.default.temporaryDirectory
      let file = folder.appendingPathComponent("\(UUID().uuidString).onnx")
      try Data("not a model".utf8).write(to: file)
      defer { try? FileManager.default.removeItem(at: file) }
      let component = Component(
        name: "nothing", path: file.lastPathComponent, inputs: [], outputs: [])
      let error = await thrown {
        try await OnnxRuntimeBackend().load(component, of: .bundled, in: folder)
      }
      guard case .runtimeFailed("nothing", _) = error else { return XCTFail("\(error as Any)") }
    #else
      throw XCTSkip("this build has no ONNX Runtime")
    #endif
  }

  /// The runtime is older than 1.29, because official builds send telemetry from 1.29 on.
  func testTheRuntimeIsOlderThanTheOneThatSendsTelemetry() throws {
    #if canImport(COnnxRuntime)
      let parts = OnnxRuntimeBackend.version.split(separator: ".").compactMap { Int($0) }
      XCTAssertEqual(parts.first, 1)
      XCTAssertLessThan(try XCTUnwrap(parts.dropFirst().first), 29)
    #else
      throw XCTSkip("this build has no ONNX Runtime")
    #endif
  }
}

extension AvatarStudio {
  /// Makes one network call with inputs that it allocates itself.
  func call(
    _ component: ComponentName, _ inputs: @Sendable () throws -> [String: Tensor]
  ) async throws -> [Float] {
    try await run(component, inputs()).floats
  }
}
