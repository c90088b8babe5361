import Foundation
import XCTest

@testable import AvatarStudio

/// The shipped model in the real runtime, against what Python recorded when it was exported.
final class EndToEndTests: XCTestCase {
  private func golden(_ name: String) throws -> Safetensors {
    _ = try Place.requiredArtifact()
    guard let folder = Place.artifactGolden else { throw XCTSkip("the model has no golden vectors") }
    return try Safetensors(folder.appendingPathComponent("\(name).safetensors"))
  }

  private func studio() async throws -> AvatarStudio {
    let options = AvatarOptions(faceDetector: nil, entitlement: .plus)
    return try await AvatarStudio(.folder(Place.requiredArtifact()), options: options)
  }

  private static func inputs(
    of component: ComponentDescription, _ file: Safetensors, call: Int
  ) throws -> [String: Tensor] {
    var inputs: [String: Tensor] = [:]
    for input in component.inputs {
      let tensor = try input.tensor(allocator: SystemAllocator())
      let name = "\(call).inputs.\(input.name)"
      switch input.element {
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
    for component in AvatarComponent.allCases {
      let file = try golden(component.rawValue)
      let studio = try await studio()
      let description = try studio.model.component(component)
      let output = try description.output()
      for call in 0..<Set(file.names.map { $0.prefix(1) }).count {
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
      let component = ComponentDescription(
        name: "nothing", path: file.lastPathComponent, inputs: [], outputs: [])
      let error = await thrown {
        try await ONNXRuntimeBackend().load(component, of: .bundled, in: folder)
      }
      guard case .runtimeFailed("nothing", _) = error else { return XCTFail("\(error as Any)") }
    #else
      throw XCTSkip("this build has no ONNX Runtime")
    #endif
  }

  /// From 1.29 on, official builds of ONNX Runtime send telemetry.
  func testTheRuntimeIsOlderThanTheOneThatSendsTelemetry() throws {
    #if canImport(COnnxRuntime)
      let parts = ONNXRuntimeBackend.version.split(separator: ".").compactMap { Int($0) }
      XCTAssertEqual(parts.first, 1)
      XCTAssertLessThan(try XCTUnwrap(parts.dropFirst().first), 29)
    #else
      throw XCTSkip("this build has no ONNX Runtime")
    #endif
  }
}

extension AvatarStudio {
  /// One network call with inputs that are made where they are used.
  func call(
    _ component: AvatarComponent, _ inputs: @Sendable () throws -> [String: Tensor]
  ) async throws -> [Float] {
    try await run(component, inputs()).floats
  }
}
