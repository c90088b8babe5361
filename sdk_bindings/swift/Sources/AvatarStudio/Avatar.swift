import Foundation

/// A finished avatar: 8-bit sRGB, the app's own from here on.
public struct Avatar: Sendable, Equatable {
  /// Its place in the set, from 0.
  public let index: Int
  /// The seed that makes it again, from the same selfies.
  public let seed: UInt64
  /// The style that it is drawn in.
  public let style: AvatarStyle
  /// Pixels in a row.
  public let width: Int
  /// Rows.
  public let height: Int
  /// RGB, three bytes a pixel, row by row from the top.
  public let pixels: [UInt8]

  /// A PNG file that says of itself that it is AI-made (`AvatarLabel`).
  ///
  /// Throws `AvatarError.runtimeFailed` where it cannot be written.
  public func pngData() throws(AvatarError) -> Data {
    try AvatarLabel.labelled(PictureEncoder.png(pixels, width: width, height: height))
  }
}

extension Avatar {
  /// - Parameter tensor: The decoder's output, (1,3,height,width) in [0,1].
  init(
    _ tensor: Tensor, index: Int, seed: UInt64, style: AvatarStyle
  ) throws(AvatarError) {
    guard tensor.shape.count == 4, tensor.shape[1] == 3 else {
      throw .modelOfAnotherVersion(reason: "avatars are \(tensor.shape), expected (1,3,h,w)")
    }
    self.index = index
    self.seed = seed
    self.style = style
    height = tensor.shape[2]
    width = tensor.shape[3]
    pixels = try tensor.withFloats { (values) throws(AvatarError) in
      try eightBit(values, area: tensor.shape[2] * tensor.shape[3])
    }
  }
}

/// (3,h,w) in [0,1] to (h,w,3): `floor(255·x + 0.5)`, clamped.
///
/// What is not a number is an error.
private func eightBit(
  _ values: UnsafeMutableBufferPointer<Float>, area: Int
) throws(AvatarError) -> [UInt8] {
  var pixels = [UInt8](repeating: 0, count: 3 * area)
  for channel in 0..<3 {
    for index in 0..<area {
      let value = (values[channel * area + index] * 255 + 0.5).rounded(.down)
      guard value.isFinite else {
        throw .runtimeFailed(component: "decoder", reason: "the picture is not made of numbers")
      }
      pixels[3 * index + channel] = UInt8(min(max(value, 0), 255))
    }
  }
  return pixels
}
