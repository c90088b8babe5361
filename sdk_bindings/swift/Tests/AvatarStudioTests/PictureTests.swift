import Foundation
import XCTest

@testable import AvatarStudio

/// Encoding, orientation and compositing keep their invariants.
final class PictureTests: XCTestCase {
  private let allocator = SystemAllocator()

  private func picture(_ width: Int, _ height: Int) throws -> Picture {
    let picture = try Picture(width: width, height: height, allocator: allocator)
    picture.withPixels { pixels in
      for index in pixels.indices { pixels[index] = index % 4 == 3 ? 255 : UInt8(index % 256) }
    }
    return picture
  }

  private func pixels(_ picture: Picture) -> [UInt8] { picture.withPixels { Array($0) } }

  func testWhatIsWrittenIsRead() throws {
    let rgb = (0..<3 * 7 * 5).map { UInt8(($0 * 37) % 256) }
    let file = try PictureEncoder.png(rgb, width: 7, height: 5)
    let read = try PictureDecoder.decode(file, allocator: allocator)
    XCTAssertEqual([read.width, read.height], [7, 5])
    XCTAssertEqual(pixels(read).enumerated().filter { $0.offset % 4 != 3 }.map(\.element), rgb)
  }

  func testOrientationsAreThoseOfEXIF() throws {
    // The picture has one row of two pixels. For each orientation the table says where the pixel
    // that is stored first lies in the upright picture.
    let stored = try picture(3, 2)
    let first = Array(pixels(stored).prefix(4))
    let places = [
      1: (0, 0), 2: (2, 0), 3: (2, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 2), 8: (0, 2),
    ]
    for (orientation, (x, y)) in places {
      let seen = try stored.upright(orientation: orientation, allocator: allocator)
      XCTAssertEqual([seen.width, seen.height], orientation < 5 ? [3, 2] : [2, 3])
      let start = 4 * (y * seen.width + x)
      XCTAssertEqual(Array(pixels(seen)[start..<start + 4]), first, "orientation \(orientation)")
    }
  }

  func testEveryOrientationIsUndoneByItsInverse() throws {
    let stored = try picture(5, 3)
    for (orientation, inverse) in [(2, 2), (3, 3), (4, 4), (5, 5), (6, 8), (7, 7), (8, 6)] {
      let back = try stored.upright(orientation: orientation, allocator: allocator)
        .upright(orientation: inverse, allocator: allocator)
      XCTAssertEqual(pixels(back), pixels(stored), "orientation \(orientation)")
    }
  }

  func testEXIFInBothByteOrders() {
    let little: [UInt8] = [
      0x49, 0x49, 0x2a, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0,
    ]
    let big: [UInt8] = [
      0x4d, 0x4d, 0, 0x2a, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 8, 0, 0,
    ]
    XCTAssertEqual(exifOrientation(little), 6)
    XCTAssertEqual(exifOrientation(big), 8)
    for count in little.indices {
      XCTAssertEqual(exifOrientation(Array(little.prefix(count))), count < 20 ? 1 : 6)
    }
    XCTAssertEqual(exifOrientation([]), 1)
  }

  func testTransparencyIsLaidOnWhite() throws {
    let picture = try Selfie(
      pixels: [10, 20, 30, 0, 10, 20, 30, 255, 0, 100, 200, 128], width: 3, height: 1
    )
    .upright(allocator: allocator)
    // Pillow rounds 0·128 + 255·127 = 32385 to 127, and so on.
    XCTAssertEqual(pixels(picture), [255, 255, 255, 255, 10, 20, 30, 255, 127, 177, 227, 255])
  }

  func testConstantPicturesStayConstant() throws {
    for (width, height) in [(1, 1), (2, 9), (127, 130), (128, 128), (129, 300), (1000, 777)] {
      let gray = Selfie(
        pixels: [UInt8](repeating: 77, count: 3 * width * height), width: width, height: height)
      let result = try Tensor(shape: [3, 128, 128], allocator: allocator)
      let picture = try gray.upright(allocator: allocator)
      try result.withFloats { (floats) throws(AvatarError) in
        try SelfiePreprocessor(size: 128, allocator: allocator).prepare(picture, into: floats)
      }
      for value in result.floats { XCTAssertEqual(value, 77 / 255, accuracy: 1e-5) }
    }
  }
}
