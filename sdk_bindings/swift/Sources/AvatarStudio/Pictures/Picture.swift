/// An upright picture in 8-bit sRGB: the input of a face detector.
///
/// Its memory is zeroed when it is released.
public final class Picture {
  /// The width in pixels.
  public let width: Int
  /// The height in pixels.
  public let height: Int
  private let buffer: Buffer

  /// Creates a picture whose pixels are all black and transparent. Throws
  /// `AvatarError.outOfMemory`.
  init(width: Int, height: Int, allocator: any BufferAllocator) throws(AvatarError) {
    self.width = width
    self.height = height
    buffer = try Buffer(byteCount: 4 * width * height, allocator: allocator)
  }

  /// Calls `body` with the pixels in RGBA, four bytes each, row by row from the top.
  ///
  /// In a picture that a face detector gets, A is 255 everywhere. The memory is valid only during
  /// the call.
  public func withPixels<Result, Failure: Error>(
    _ body: (UnsafeMutableBufferPointer<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(buffer) {} }
    return try body(buffer.bytes.bindMemory(to: UInt8.self))
  }
}

extension Picture {
  /// The largest number of pixels that a selfie may have.
  ///
  /// Phones take pictures of up to 108 megapixels.
  static let maxPixels = 120_000_000

  /// Composites the pixels onto white.
  ///
  /// It rounds as Pillow does: `t = x + 128; (t + (t >> 8)) >> 8`.
  func layOnWhite() {
    withPixels { pixels in
      for start in stride(from: 0, to: pixels.count, by: 4) where pixels[start + 3] != 255 {
        let alpha = Int(pixels[start + 3])
        for channel in start..<start + 3 {
          let sum = Int(pixels[channel]) * alpha + 255 * (255 - alpha) + 128
          pixels[channel] = UInt8((sum + (sum >> 8)) >> 8)
        }
        pixels[start + 3] = 255
      }
    }
  }

  /// Returns the upright picture for stored pixels.
  ///
  /// - Parameter orientation: The EXIF orientation, 1 to 8 (EXIF 2.32, 4.6.4 A). Any other value
  ///   counts as 1.
  func upright(orientation: Int, allocator: any BufferAllocator) throws(AvatarError) -> Picture {
    guard (2...8).contains(orientation) else { return self }
    let turned = orientation >= 5
    let result = try Picture(
      width: turned ? height : width, height: turned ? width : height, allocator: allocator)
    withPixels { old in
      result.withPixels { new in
        for y in 0..<result.height {
          for x in 0..<result.width {
            let (oldX, oldY) = stored(x, y, orientation: orientation)
            let from = 4 * (oldY * width + oldX)
            let to = 4 * (y * result.width + x)
            for channel in 0..<4 { new[to + channel] = old[from + channel] }
          }
        }
      }
    }
    return result
  }

  /// Returns the stored position of the upright picture's pixel (x,y).
  private func stored(_ x: Int, _ y: Int, orientation: Int) -> (Int, Int) {
    switch orientation {
    case 2: (width - 1 - x, y)
    case 3: (width - 1 - x, height - 1 - y)
    case 4: (x, height - 1 - y)
    case 5: (y, x)
    case 6: (y, height - 1 - x)
    case 7: (width - 1 - y, height - 1 - x)
    default: (width - 1 - y, x)
    }
  }
}

/// The reason why a picture cannot be decoded.
enum PictureFailure: Error {
  case unreadable(String)
  case outOfMemory

  init(_ error: AvatarError) {
    self = error == .outOfMemory ? .outOfMemory : .unreadable(error.description)
  }

  func ofSelfie(_ index: Int) -> AvatarError {
    switch self {
    case .unreadable(let reason): .unreadablePicture(selfie: index, reason: reason)
    case .outOfMemory: .outOfMemory
    }
  }

  static func tooLarge(_ width: Int, _ height: Int) -> PictureFailure {
    .unreadable(
      "\(width)×\(height) pixels, more than the \(Picture.maxPixels / 1_000_000) million a "
        + "selfie may have")
  }
}
