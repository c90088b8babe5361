/// The constants that make an approximate picture of latents.
///
/// The exporter fits them to the decoder.
public struct LatentPreview: Sendable, Equatable {
  /// For each channel of the latents its share in red, green and blue.
  public let matrix: [[Double]]
  /// The red, green and blue of latents that are 0, in [0,1].
  public let offset: [Double]
}

extension LatentPreview {
  /// Returns the picture of latents (1,C,h,w): h×w pixels, in 8 bits as avatars are.
  func picture(of latents: Tensor) -> AvatarEvent.Preview {
    let (height, width) = (latents.shape[2], latents.shape[3])
    let area = height * width
    var pixels = [UInt8](repeating: 0, count: 3 * area)
    latents.withFloats { values in
      for index in 0..<area {
        for colour in 0..<3 {
          var sum = offset[colour]
          for (channel, row) in matrix.enumerated() {
            sum += Double(values[channel * area + index]) * row[colour]
          }
          let level = (sum * 255 + 0.5).rounded(.down)
          // A number that is none is the decoder's to report.
          pixels[3 * index + colour] = level.isNaN ? 0 : UInt8(min(max(level, 0), 255))
        }
      }
    }
    return AvatarEvent.Preview(width: width, height: height, pixels: pixels)
  }

  /// Whether it fits latents of this shape.
  func fits(_ latents: [Int]) -> Bool {
    latents.count == 4 && matrix.count == latents[1] && offset.count == 3
      && matrix.allSatisfy { $0.count == 3 }
  }
}
