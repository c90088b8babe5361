import Foundation

/// A finished avatar in 8-bit sRGB.
///
/// It belongs to the app: the library keeps no reference to it.
public struct Avatar: Sendable, Equatable {
  /// The index of this avatar within its run, from 0.
  public let index: Int
  /// The seed that draws this avatar again from the same selfies, style and steps.
  public let seed: UInt64
  /// The style that it is drawn in.
  public let style: AvatarStyle
  /// The width in pixels.
  public let width: Int
  /// The height in pixels.
  public let height: Int
  /// The pixels in RGB, three bytes each, row by row from the top.
  public let pixels: [UInt8]

  /// Encodes the avatar as a PNG file that is labelled as AI-generated (`AiLabel`).
  ///
  /// Throws `AvatarError.runtimeFailed` if the encoder fails.
  public func pngData() throws(AvatarError) -> Data {
    try AiLabel.labelled(PictureEncoder.png(pixels, width: width, height: height))
  }
}

extension Avatar {
  /// Converts the decoder's output to 8 bits.
  ///
  /// Converts the decoder's output to 8 bits.
  ///
  /// - Parameter tensor: The decoder's output, (1,3,height,width) in [0,1].
  /// - Throws: `modelOfAnotherVersion` if the shape is another one, `runtimeFailed` if a value is
  ///   infinite or not a number.
  /// - Throws: `modelOfAnotherVersion` if the shape is another one, `runtimeFailed` if a value is
  ///   infinite or not a number.
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

/// Converts (3,h,w) in [0,1] to (h,w,3) in 8 bits: `floor(255·x + 0.5)`, clamped to 0…255.
///
/// Throws `runtimeFailed` if a value is infinite or not a number, because a black pixel would hide
/// the failure.
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
