/// The measures of the luma of one prepared selfie.
///
/// Luma uses the weights of Rec. 709 on the sRGB values as they are. Sums are in double precision.
struct SelfieMeasures {
  let brightness: Double
  let contrast: Double
  let sharpness: Double

  /// The contrast below which only rounding errors are left.
  private static let flat = 1e-6

  /// Measures a selfie.
  ///
  /// - Parameters:
  ///   - pixels: The prepared selfie, (3,size,size) sRGB in [0,1].
  ///   - size: The side of the prepared selfie in pixels.
  ///   - luma: Memory for the luma, size·size values.
  init(_ pixels: UnsafeBufferPointer<Float>, size: Int, luma: UnsafeMutableBufferPointer<Double>) {
    let area = size * size
    for index in 0..<area {
      let red = 0.2126 * Double(pixels[index])
      let green = 0.7152 * Double(pixels[area + index])
      luma[index] = red + green + 0.0722 * Double(pixels[2 * area + index])
    }
    let mean = luma.reduce(0, +) / Double(area)
    brightness = mean
    contrast = (luma.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(area)).squareRoot()
    sharpness = contrast >= Self.flat ? Self.edges(luma, size: size) / contrast : 0
  }

  /// Returns the root mean square of the discrete Laplacian over the inner pixels.
  private static func edges(_ luma: UnsafeMutableBufferPointer<Double>, size: Int) -> Double {
    var sum = 0.0
    for y in 1..<size - 1 {
      for x in 1..<size - 1 {
        let index = y * size + x
        let around = luma[index - 1] + luma[index + 1] + luma[index - size] + luma[index + size]
        let edge = 4 * luma[index] - around
        sum += edge * edge
      }
    }
    return (sum / Double((size - 2) * (size - 2))).squareRoot()
  }
}

/// Returns the mean absolute difference of two prepared selfies.
func meanDifference(
  _ one: UnsafeBufferPointer<Float>, _ other: UnsafeBufferPointer<Float>
) -> Double {
  var sum = 0.0
  for index in one.indices { sum += abs(Double(one[index]) - Double(other[index])) }
  return sum / Double(one.count)
}
