import XCTest

@testable import AvatarStudio

/// The face rules apply if there is a face detector.
final class FaceRuleTests: XCTestCase {
  private struct Detector: FaceDetector {
    let boxes: [Face]
    func faces(in picture: Picture) throws -> [Face] {
      XCTAssertEqual(picture.withPixels { $0.count }, 4 * picture.width * picture.height)
      return boxes
    }
  }

  private struct Failing: FaceDetector {
    struct Failure: Error, CustomStringConvertible { let description = "no eyes" }
    func faces(in picture: Picture) throws -> [Face] { throw Failure() }
  }

  private let side = Double(Manifest.test.enoughPixels)

  private func refusals(_ boxes: [Face]) async throws -> [Refusal] {
    let studio = try await testStudio(.fake(faceDetector: Detector(boxes: boxes)))
    return try await studio.check(goodSelfies(1))
  }

  func testOneGoodFace() async throws {
    let found = try await refusals([
      Face(left: 0.25 * side, top: 0.2 * side, width: 0.5 * side, height: 0.6 * side)
    ])
    XCTAssertEqual(found, [])
  }

  func testNoFaceAndTwoFaces() async throws {
    let face = Face(left: 0, top: 0, width: 10, height: 10)
    for boxes in [[], [face, face]] {
      let found = try await refusals(boxes)
      XCTAssertEqual(found.map(\.rule), [.faces])
      XCTAssertEqual(found.map(\.value), [Double(boxes.count)])
      XCTAssertEqual(found.map(\.limit), [1])
    }
  }

  func testASmallFaceInACorner() async throws {
    let found = try await refusals([Face(left: 0, top: 0, width: 0.2 * side, height: 0.2 * side)])
    XCTAssertEqual(found.map(\.rule), [.faceSize, .faceOffset])
    XCTAssertEqual(found[0].value, 0.2, accuracy: 1e-12)
    XCTAssertEqual(found[1].value, 0.4 * 2.0.squareRoot(), accuracy: 1e-12)
  }

  private struct Landmarks: FaceLandmarkDetector {
    let faces: [FaceLandmarks]
    func landmarks(in picture: Picture) throws -> [FaceLandmarks] { faces }
  }

  private func face(at x: Double, _ y: Double, by scale: Double) -> FaceLandmarks {
    func point(_ dx: Double, _ dy: Double) -> FaceLandmarks.Point {
      .init(x: x + dx * scale, y: y + dy * scale)
    }
    return FaceLandmarks(
      leftEye: point(-0.16, -0.04), rightEye: point(0.16, -0.04), nose: point(0, 0.14),
      leftMouth: point(-0.13, 0.32), rightMouth: point(0.13, 0.32))
  }

  private let alignedFaces = Manifest.test.with(takesAlignedFaces: true)

  private func finding(_ faces: [FaceLandmarks]) -> StudioOptions {
    .fake(landmarkDetector: Landmarks(faces: faces))
  }

  func testAModelThatTakesAlignedFacesCropsTheFaceAndOneIsNeeded() async throws {
    let one = face(at: side / 2, side / 2, by: side / 2)
    for faces in [[], [one, one]] {
      let studio = try await testStudio(finding(faces), manifest: alignedFaces)
      let found = try await studio.check(goodSelfies(1))
      XCTAssertEqual(found.map(\.rule), [.faces])
      XCTAssertEqual(found.map(\.value), [Double(faces.count)])
    }
    let square = try await drawn(.fake(), .test)
    let aligned = try await drawn(finding([one]), alignedFaces)
    XCTAssertNotEqual(aligned, square)
  }

  private func drawn(_ options: StudioOptions, _ manifest: Manifest) async throws -> [UInt8] {
    let studio = try await testStudio(options, manifest: manifest)
    return try await avatars(studio.avatars(of: goodSelfies(1), style: .forTests, seed: 1))[0]
      .pixels
  }

  func testAModelOfCentreSquaresUsesNoLandmarks() async throws {
    let found = try await testStudio(finding([])).check(goodSelfies(1))
    XCTAssertEqual(found, [])
    let square = try await drawn(.fake(), .test)
    let given = try await drawn(finding([face(at: side / 2, side / 2, by: side / 2)]), .test)
    XCTAssertEqual(given, square)
  }

  func testAModelThatTakesAlignedFacesOpensWithALandmarkDetectorOnly() async throws {
    let error = AvatarError.landmarkDetectorMissing
    await assertThrows(error) { try await testStudio(manifest: alignedFaces) }
    XCTAssert(error.description.hasSuffix("pass one as StudioOptions(landmarkDetector: ...)"))
    _ = try await testStudio(finding([]), manifest: alignedFaces)
  }

  func testLandmarksThatCoincideAreAnError() async throws {
    let point = face(at: 5, 5, by: 0)
    let studio = try await testStudio(finding([point]), manifest: alignedFaces)
    await assertThrows(
      .runtimeFailed(component: "landmark detector", reason: "all points are one")
    ) { try await studio.check(goodSelfies(1)) }
  }

  func testADetectorThatFails() async throws {
    let studio = try await testStudio(.fake(faceDetector: Failing()))
    await assertThrows(.runtimeFailed(component: "face detector", reason: "no eyes")) {
      try await studio.check(goodSelfies(1))
    }
  }
}
