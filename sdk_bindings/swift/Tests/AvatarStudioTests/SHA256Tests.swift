import XCTest

@testable import AvatarStudio

/// The hash agrees with the examples of FIPS 180-4, and is right for lengths around block ends.
final class SHA256Tests: XCTestCase {
  private func hash(_ bytes: [UInt8], inPartsOf part: Int = .max) -> String {
    var hash = SHA256Hash()
    for start in stride(from: 0, to: bytes.count, by: min(part, max(bytes.count, 1))) {
      bytes[start..<min(start + min(part, bytes.count), bytes.count)].withUnsafeBytes {
        hash.update($0)
      }
    }
    return hash.hexDigest()
  }

  func testPublishedVectors() {
    XCTAssertEqual(
      hash([]), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    XCTAssertEqual(
      hash(Array("abc".utf8)), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    XCTAssertEqual(
      hash(Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8)),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    XCTAssertEqual(
      hash([UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000), inPartsOf: 997),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  func testPartsMakeNoDifference() {
    for count in [1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000] {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      for part in [1, 7, 63, 64, 65] {
        XCTAssertEqual(hash(bytes), hash(bytes, inPartsOf: part), "\(count) bytes by \(part)")
      }
    }
  }
}
