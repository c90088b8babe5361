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

  func testADetectorThatFails() async throws {
    let studio = try await testStudio(.fake(faceDetector: Failing()))
    await assertThrows(.runtimeFailed(component: "face detector", reason: "no eyes")) {
      try await studio.check(goodSelfies(1))
    }
  }
}
