import Foundation
import XCTest

@testable import AvatarStudio

/// The library agrees with Python's golden vectors within the bounds in `golden/README.md`.
final class GoldenTests: XCTestCase {
  private let allocator = SystemAllocator()

  private func json<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(type, from: Data(contentsOf: Place.requiredGolden(name)))
  }

  private func safetensors(_ name: String) throws -> Safetensors {
    try Safetensors(Place.requiredGolden(name))
  }

  func testNoise() throws {
    let file = try safetensors("noise.safetensors")
    var seeds = Set<UInt64>()
    var worst: Float = 0
    for name in file.names {
      let seed = try XCTUnwrap(name.split(separator: "_").last.flatMap { UInt64($0) })
      let expected = try file.floats(name)
      // The first values do not depend on the number of blocks of 16 that follow.
      let noise = try Tensor(shape: [expected.count], allocator: allocator)
      var stream = NoiseStream(seed: seed)
      noise.withFloats { stream.fill($0) }
      for (got, wanted) in zip(noise.floats, expected) { worst = max(worst, abs(got - wanted)) }
      seeds.insert(seed)
    }
    XCTAssertLessThan(worst, 2e-6)
    XCTAssertGreaterThanOrEqual(seeds.count, 50)
    XCTAssertTrue(seeds.isSuperset(of: [0, 1 << 31, 1 << 32, .max]))
    print("noise: \(seeds.count) seeds, largest difference \(worst)")
  }

  func testNoiseThatGoesOn() throws {
    let file = try safetensors("streams.safetensors")
    let seeds = Set(file.names.compactMap { $0.split(separator: ".").first })
    XCTAssertGreaterThan(seeds.count, 3)
    for seed in seeds {
      var stream = NoiseStream(seed: try XCTUnwrap(UInt64(seed)))
      for index in 0..<file.names.filter({ $0.hasPrefix("\(seed).") }).count {
        let expected = try file.floats("\(seed).\(index)")
        let noise = try Tensor(shape: [expected.count], allocator: allocator)
        noise.withFloats { stream.fill($0) }
        for (got, wanted) in zip(noise.floats, expected) {
          XCTAssertEqual(got, wanted, accuracy: 2e-6, "draw \(index) of seed \(seed)")
        }
      }
    }
  }

  private struct Prepared: Decodable {
    let size: Int
    struct Case: Decodable {
      let name: String
      let file: String
      let step: Int
    }
    let cases: [Case]
  }

  func testPreparedSelfies() async throws {
    let file = try safetensors("prepared.safetensors")
    let all = try json("prepared.json", as: Prepared.self)
    let size = all.size
    XCTAssertGreaterThan(all.cases.count, 20)
    for one in all.cases {
      let selfie = Selfie(try Data(contentsOf: Place.requiredGolden(one.file)))
      let result = try Tensor(shape: [3, size, size], allocator: allocator)
      let picture = try selfie.upright(allocator: allocator)
      try result.withFloats { (floats) throws(AvatarError) in
        try SelfiePreprocessor(size: size, allocator: allocator).prepare(picture, into: floats)
      }
      let got = result.floats
      let expected = try file.halves(one.name)
      var worst: Float = 0
      for (place, value) in expected.enumerated() {
        let (row, x) = (place / size, place % size)
        let rows = (size - 1 + one.step - 1) / one.step
        let y = 1 + row % rows * one.step
        worst = max(worst, abs(got[(row / rows * size + y) * size + x] - value))
      }
      // The golden vectors themselves are in half precision.
      XCTAssertLessThan(worst, 1 / 255 + 1 / 4000, one.name)
    }
  }

  private struct Aligned: Decodable {
    struct Case: Decodable {
      let name: String
      let file: String
      let size: Int
      let landmarks: [[Double]]
    }
    let cases: [Case]
  }

  func testAlignedCrops() throws {
    let file = try safetensors("aligned.safetensors")
    for one in try json("aligned.json", as: Aligned.self).cases {
      let points = one.landmarks.map { FaceLandmarks.Point(x: $0[0], y: $0[1]) }
      let face = FaceLandmarks(
        leftEye: points[0], rightEye: points[1], nose: points[2], leftMouth: points[3],
        rightMouth: points[4])
      let selfie = Selfie(try Data(contentsOf: Place.requiredGolden(one.file)))
      let picture = try selfie.upright(allocator: allocator)
      let crop = try Tensor(shape: [3, one.size, one.size], allocator: allocator)
      let whether = crop.withFloats {
        AlignedCrop(size: one.size).prepare(picture, face, into: $0)
      }
      XCTAssertTrue(whether, one.name)
      for (got, expected) in zip(crop.floats, try file.floats(one.name)) {
        XCTAssertEqual(got, expected, accuracy: 1 / 255, one.name)
      }
    }
  }

  private struct Rules: Decodable {
    struct Face: Decodable { let left, top, width, height: Double }
    struct Found: Decodable {
      let selfie: Int?
      let rule: String
      let value: Double
      let limit: Double
      let earlier: Int?
    }
    struct Case: Decodable {
      let name: String
      let selfies: [String]
      let faces: [[Face]]?
      let refusals: [Found]
    }
    struct Limits: Decodable {
      let name: String
      let min: Double?
      let max: Double?
      let about: String
    }
    let size: Int
    let places: Int
    let rules: [Limits]
    let cases: [Case]

    /// The bundled manifest with these rules, and an encoder for selfies of this size and number.
    func manifest() throws -> Manifest {
      let encoder = Component(
        name: "identity_encoder", path: "",
        inputs: [
          TensorSpec(
            name: "selfies", shape: [places, 3, size, size], elementType: .float32, isImage: false),
          TensorSpec(
            name: "selfie_mask", shape: [places], elementType: .float32, isImage: false),
        ], outputs: [])
      let others = Manifest.test.components.filter { $0.name != encoder.name }
      let limits = try rules.map { limits in
        RuleLimits(
          rule: try XCTUnwrap(SelfieRule(rawValue: limits.name)), min: limits.min,
          max: limits.max, about: limits.about)
      }
      return Manifest.test.with(components: [encoder] + others, rules: limits)
    }
  }

  /// Returns the golden faces, one selfie after the other.
  private final class Detector: FaceDetector, @unchecked Sendable {
    private var boxes: [[Face]]
    init(_ faces: [[Rules.Face]]) {
      boxes = faces.map { faces in
        faces.map { Face(left: $0.left, top: $0.top, width: $0.width, height: $0.height) }
      }
    }
    func faces(in picture: Picture) throws -> [Face] { boxes.removeFirst() }
  }

  func testSelfieRules() async throws {
    let all = try json("rules.json", as: Rules.self)
    for one in all.cases {
      let selfies = try one.selfies.map {
        Selfie(try Data(contentsOf: Place.requiredGolden($0)))
      }
      let studio = try await testStudio(
        .fake(faceDetector: one.faces.map(Detector.init)), manifest: all.manifest())
      let found = try await studio.check(selfies)
      XCTAssertEqual(found.map(\.rule.rawValue), one.refusals.map(\.rule), one.name)
      for (got, expected) in zip(found, one.refusals) {
        XCTAssertEqual(got.selfie, expected.selfie, one.name)
        XCTAssertEqual(got.earlier, expected.earlier, one.name)
        XCTAssertEqual(got.limit, expected.limit, one.name)
        XCTAssertEqual(got.value, expected.value, accuracy: 1e-3, one.name)
        XCTAssertTrue(got.message.contains(got.rule.rawValue))
      }
    }
  }

  private struct Sampling: Decodable {
    struct Case: Decodable {
      let name: String
      let style: Int
      let seed: UInt64
      let latents: [Int]
      let guidance: Double
      let timesteps: [Double]
      let sigmas: [Double]
      let downs: [Double]?
      let noises: [Double]?
    }
    let cases: [Case]
  }

  func testSampling() throws {
    let file = try safetensors("sampler.safetensors")
    for one in try json("sampler.json", as: Sampling.self).cases {
      let table = SamplerTable(
        guidance: one.guidance, timesteps: one.timesteps, sigmas: one.sigmas,
        downs: one.downs ?? [], noises: one.noises ?? [])
      var stream = NoiseStream(seed: one.seed)
      let latents = try Tensor(shape: one.latents, allocator: allocator)
      latents.withFloats { stream.fill($0) }
      let fresh = try Tensor(shape: one.latents, allocator: allocator)
      for (step, timestep) in one.timesteps.enumerated() {
        let predictions = try ["identity_tokens", "null_tokens"].map { name in
          let tokens = try file.floats(name)
          let mean = tokens.reduce(0, +) / Float(tokens.count)
          let rest = 0.25 * Float(timestep) / 1000 + mean + 0.125 * Float(one.style)
          return try tensor(latents.floats.map { 0.5 * $0 + rest })
        }
        let sampler = Sampler(table: table)
        sampler.step(
          step, latents, predictions[0], unconditioned: one.guidance == 1 ? nil : predictions[1])
        sampler.addNoise(step, latents, from: &stream, fresh: fresh)
      }
      for (got, expected) in zip(latents.floats, try file.floats(one.name)) {
        XCTAssertEqual(got, expected, accuracy: 1e-5, one.name)
      }
    }
  }

  func testThePreviewOfLatents() throws {
    let file = try safetensors("preview.safetensors")
    let shape = try XCTUnwrap(file.entries["latents"]).shape
    let latents = try Tensor(shape: shape, allocator: allocator)
    let values = try file.floats("latents")
    latents.withFloats { _ = $0.update(from: values) }
    let matrix = try file.floats("matrix").map(Double.init)
    let rows = (0..<shape[1]).map { Array(matrix[3 * $0..<3 * $0 + 3]) }
    let preview = LatentPreview(
      matrix: rows, offset: try file.floats("offset").map(Double.init))
    XCTAssertTrue(preview.fits(shape))
    let picture = preview.picture(of: latents)
    XCTAssertEqual([picture.height, picture.width], Array(shape[2...]))
    for (got, wanted) in zip(picture.pixels, try file.bytes("pixels")) {
      XCTAssertEqual(Double(got), Double(wanted), accuracy: 1)
    }
    XCTAssertEqual(picture.pixels.count, try file.bytes("pixels").count)
  }

  private func tensor(_ values: [Float]) throws -> Tensor {
    let tensor = try Tensor(shape: [values.count], allocator: allocator)
    tensor.withFloats { _ = $0.update(from: values) }
    return tensor
  }

  func testEightBits() throws {
    let file = try safetensors("eight_bit.safetensors")
    let floats = try file.floats("floats")
    let tensor = try Tensor(shape: [1, 3, 1, floats.count / 3], allocator: allocator)
    tensor.withFloats { _ = $0.update(from: floats) }
    let avatar = try Avatar(tensor, index: 0, seed: 0, style: .forTests)
    let count = floats.count / 3
    let planes = floats.indices.map { avatar.pixels[3 * ($0 % count) + $0 / count] }
    XCTAssertEqual(planes, try file.bytes("bytes"))
  }

  func testAPictureThatIsNotMadeOfNumbersIsAnError() throws {
    let tensor = try Tensor(shape: [1, 3, 1, 1], allocator: allocator)
    for bad in [Float.nan, .infinity, -.infinity] {
      tensor.withFloats { $0[1] = bad }
      XCTAssertThrowsError(try Avatar(tensor, index: 0, seed: 0, style: .forTests))
    }
  }

  func testTheLabel() throws {
    let packet = try Data(contentsOf: Place.requiredGolden("label.xmp"))
    XCTAssertEqual(Data(AiLabel.packet.utf8), packet)
    let tensor = try Tensor(shape: [1, 3, 8, 8], allocator: allocator)
    let file = try Avatar(tensor, index: 0, seed: 0, style: .forTests).pngData()
    XCTAssertNotNil(file.range(of: packet))
    XCTAssertNotNil(file.range(of: Data("Comment\0AI-generated image (Pocket Avatar)".utf8)))
    let read = try PictureDecoder.decode(file, allocator: allocator)
    XCTAssertEqual([read.width, read.height], [8, 8])
  }

  func testTheLabelOfJPEG() throws {
    let packet = Data(AiLabel.packet.utf8)
    let jfif: [UInt8] = [0xff, 0xe0, 0, 4, 1, 2]
    let rest: [UInt8] = [0xff, 0xdb, 0, 3, 9, 0xff, 0xd9]
    for first in [[], jfif] {
      let file = try AiLabel.labelled(Data([0xff, 0xd8] + first + rest))
      let length = packet.count + 29 + 2
      let head: [UInt8] = [0xff, 0xe1, UInt8(length >> 8), UInt8(length & 0xff)]
      let segment = Data(head) + Data("http://ns.adobe.com/xap/1.0/\0".utf8) + packet
      XCTAssertEqual(file, Data([0xff, 0xd8] + first) + segment + Data(rest))
    }
    XCTAssertThrowsError(try AiLabel.labelled(Data("GIF89a".utf8)))
    XCTAssertThrowsError(try AiLabel.labelled(Data()))
  }
}
