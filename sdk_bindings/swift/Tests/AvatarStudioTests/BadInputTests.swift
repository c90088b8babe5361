import Foundation
import XCTest

@testable import AvatarStudio

/// Broken and unsuitable selfies each give one typed error or refusal, and no network runs.
final class BadInputTests: XCTestCase {
  private func run(_ selfies: [Selfie], count: Int = 1) async throws -> [AvatarEvent] {
    let studio = try await testStudio(.fake { (_) throws(AvatarError) in XCTFail("a network ran") })
    return try await collect(studio.avatars(of: selfies, style: .forTests, count: count))
  }

  private func refusals(_ selfies: [Selfie]) async throws -> [Refusal] {
    let studio = try await testStudio()
    let checked = try await studio.check(selfies)
    await assertThrows(.selfiesRefused(checked)) { try await run(selfies) }
    return checked
  }

  private func assertUnreadable(_ data: Data, _ why: String, line: UInt = #line) async {
    let error = await thrown { try await run(goodSelfies(1) + [Selfie(data)]) }
    guard case .unreadablePicture(1, let reason) = error else {
      return XCTFail("\(error as Any)", line: line)
    }
    XCTAssertTrue(why.isEmpty || reason.contains(why), reason, line: line)
  }

  private func png(width: Int = 40, height: Int = 30) throws -> Data {
    let pixels = (0..<3 * width * height).map { UInt8($0 % 251) }
    return try PictureEncoder.png(pixels, width: width, height: height)
  }

  func testNoSelfies() async throws {
    let found = try await refusals([])
    XCTAssertEqual(found.map(\.rule), [.count])
    XCTAssertEqual(found.map(\.value), [0])
    XCTAssertEqual(found.map(\.limit), [1])
    XCTAssertNil(found[0].selfie)
  }

  func testTooManySelfiesAreNotEvenOpened() async throws {
    let most = Manifest.test.maxSelfies
    let found = try await refusals([Selfie](repeating: Selfie(Data()), count: most + 1))
    XCTAssertEqual(found.map(\.rule), [.count])
    XCTAssertEqual(found.map(\.value), [Double(most + 1)])
    XCTAssertEqual(found.map(\.limit), [Double(most)])
  }

  func testMoreSelfiesThanTheEncoderTakesAreRefusedWhateverTheRulesSay() async throws {
    let places = Manifest.test.maxSelfies
    let studio = try await testStudio(manifest: Manifest.test.with(rules: []))
    let found = try await studio.check([Selfie](repeating: Selfie(Data()), count: places + 1))
    XCTAssertEqual(found.map(\.rule), [.count])
    XCTAssertEqual(found.map(\.limit), [Double(places)])
  }

  func testAnEmptyFile() async { await assertUnreadable(Data(), "not a") }

  func testAFileThatIsNoPicture() async {
    await assertUnreadable(Data("selfie".utf8), "not a")
  }

  func testATruncatedPicture() async throws {
    let whole = try png()
    for count in [9, 20, 40, whole.count / 2, whole.count - 13, whole.count - 1] {
      await assertUnreadable(whole.prefix(count), "")
    }
  }

  func testADamagedPicture() async throws {
    var damaged = try png()
    let middle = damaged.count / 2
    for offset in middle..<middle + 20 { damaged[offset] ^= 0xff }
    await assertUnreadable(damaged, "")
  }

  func testAPictureOfTooManyPixels() async throws {
    // The header says 20,000×20,000 pixels. Memory of that size must not be allocated.
    var huge = try png()
    huge.replaceSubrange(16..<24, with: [0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20])
    await assertUnreadable(huge, "20000×20000")
    let pixels = Selfie(pixels: [], width: 20_000, height: 20_000)
    await assertThrows(
      .unreadablePicture(
        selfie: 0,
        reason: "20000×20000 pixels, more than the 120 million a selfie may have")
    ) { try await run([pixels]) }
  }

  func testAHeaderThatLies() async throws {
    var lying = try png()
    lying.replaceSubrange(16..<24, with: [0, 0, 0, 200, 0, 0, 0, 200])
    await assertUnreadable(lying, "")
    lying.replaceSubrange(16..<24, with: [0, 0, 0, 0, 0, 0, 0, 200])
    await assertUnreadable(lying, "")
    lying.replaceSubrange(16..<24, with: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
    await assertUnreadable(lying, "")
  }

  func testPixelsThatDoNotFit() async {
    for (bytes, width, height) in [(0, 1, 1), (5, 1, 1), (12, 2, 3), (3, 0, 1), (3, -1, -1)] {
      let selfie = Selfie(pixels: [UInt8](repeating: 9, count: bytes), width: width, height: height)
      let error = await thrown { try await run([selfie]) }
      guard case .unreadablePicture(0, _) = error else { return XCTFail("\(error as Any)") }
    }
  }

  func testAPictureOfOnePixel() async throws {
    for selfie in [
      Selfie(pixels: [90, 90, 90], width: 1, height: 1),
      Selfie(try PictureEncoder.png([90, 90, 90], width: 1, height: 1)),
    ] {
      let found = try await refusals([selfie])
      XCTAssertEqual(found.map(\.rule), [.side, .contrast, .sharpness])
      XCTAssertEqual(found[0].value, 1)
      XCTAssertEqual(found[0].selfie, 0)
    }
  }

  func testCountsBelowOne() async {
    for count in [0, -1, .min] {
      await assertThrows(.countInvalid(count)) { try await run(goodSelfies(1), count: count) }
    }
  }

  func testEveryErrorHasAMessage() {
    let refusal = Refusal(
      selfie: 3, rule: .side, value: 5, limit: 128, earlier: nil, message: "side is 5")
    let errors: [AvatarError] = [
      .selfiesRefused([refusal]), .unreadablePicture(selfie: 1, reason: "why"),
      .styleUnknown(name: "x"), .styleNeedsPlus(.forTests), .stepsUnknown(steps: 3, known: [1]),
      .countInvalid(0), .modelMissing(path: "x"), .modelDamaged(file: "x"),
      .modelOfAnotherVersion(reason: "x"), .outOfMemory, .storageFull, .cancelled,
      .runtimeFailed(component: "x", reason: "y"), .closed,
    ]
    XCTAssertEqual(Set(errors.map(\.description)).count, errors.count)
    for error in errors {
      XCTAssertGreaterThan(error.description.count, 10)
      XCTAssertEqual(error.localizedDescription, error.description)
    }
    XCTAssertEqual(errors[0].description, "selfie 3: side is 5")
  }
}
