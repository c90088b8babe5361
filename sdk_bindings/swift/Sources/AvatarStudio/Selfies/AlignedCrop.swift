/// Crops a face so that its landmarks lie where face networks expect them.
///
/// The similarity `a·p + t`, in complex numbers, takes the landmarks to the template with the least
/// squares (Umeyama, IEEE PAMI 13, 1991). A pixel of the crop is the mean of n×n points in it, where n
/// is the number of the picture's pixels along its side, rounded up. Each of them is interpolated
/// bilinearly, and black outside of the picture.
struct AlignedCrop {
  /// The side of the crop in pixels.
  let size: Int

  /// Where landmarks lie in a crop of 112×112 pixels, from the centre of its first pixel (ArcFace,
  /// arXiv 1801.07698).
  private static let template: [FaceLandmarks.Point] = [
    .init(x: 38.2946, y: 51.6963), .init(x: 73.5318, y: 51.5014), .init(x: 56.0252, y: 71.7366),
    .init(x: 41.5493, y: 92.3655), .init(x: 70.7299, y: 92.2041),
  ]
  private static let templateSide = 112.0

  /// Writes the crop to `result` as sRGB in [0,1], (3,size,size) in row-major order.
  ///
  /// Returns false, and writes nothing, if the landmarks coincide.
  func prepare(
    _ picture: Picture, _ face: FaceLandmarks, into result: UnsafeMutableBufferPointer<Float>
  ) -> Bool {
    guard let fit = Similarity(from: face.points, to: targets) else { return false }
    let samples = max(1, Int((1 / fit.scale).rounded(.up)))
    for y in 0..<size {
      for x in 0..<size {
        var sums = (0.0, 0.0, 0.0)
        for index in 0..<samples * samples {
          let point = FaceLandmarks.Point(
            x: Double(x) + (Double(index % samples) + 0.5) / Double(samples),
            y: Double(y) + (Double(index / samples) + 0.5) / Double(samples))
          let colour = picture.interpolated(fit.inverse(point))
          sums = (sums.0 + colour.0, sums.1 + colour.1, sums.2 + colour.2)
        }
        let all = Double(255 * samples * samples)
        let at = y * size + x
        result[at] = Float(sums.0 / all)
        result[size * size + at] = Float(sums.1 / all)
        result[2 * size * size + at] = Float(sums.2 / all)
      }
    }
    return true
  }

  private var targets: [FaceLandmarks.Point] {
    let scale = Double(size) / Self.templateSide
    return Self.template.map { .init(x: ($0.x + 0.5) * scale, y: ($0.y + 0.5) * scale) }
  }
}

/// The similarity `(a.x + i·a.y)·p + t`.
private struct Similarity {
  private let a: FaceLandmarks.Point
  private let t: FaceLandmarks.Point

  /// Fits points to others. Returns nil if the points coincide.
  init?(from points: [FaceLandmarks.Point], to targets: [FaceLandmarks.Point]) {
    let (from, to) = (Self.mean(points), Self.mean(targets))
    var (real, imaginary, squares) = (0.0, 0.0, 0.0)
    for (point, target) in zip(points, targets) {
      let (px, py) = (point.x - from.x, point.y - from.y)
      let (qx, qy) = (target.x - to.x, target.y - to.y)
      real += px * qx + py * qy
      imaginary += px * qy - py * qx
      squares += px * px + py * py
    }
    let length = (real * real + imaginary * imaginary).squareRoot()
    guard squares > 0, length > 0, length.isFinite else { return nil }
    a = .init(x: real / squares, y: imaginary / squares)
    t = .init(
      x: to.x - (a.x * from.x - a.y * from.y), y: to.y - (a.x * from.y + a.y * from.x))
  }

  var scale: Double { (a.x * a.x + a.y * a.y).squareRoot() }

  func inverse(_ point: FaceLandmarks.Point) -> FaceLandmarks.Point {
    let (x, y) = (point.x - t.x, point.y - t.y)
    let square = scale * scale
    return .init(x: (a.x * x + a.y * y) / square, y: (a.x * y - a.y * x) / square)
  }

  private static func mean(_ points: [FaceLandmarks.Point]) -> FaceLandmarks.Point {
    let count = Double(points.count)
    let (x, y) = points.reduce((0.0, 0.0)) { ($0.0 + $1.x, $0.1 + $1.y) }
    return .init(x: x / count, y: y / count)
  }
}

extension Picture {
  /// Returns red, green and blue at a point, 0 to 255, interpolated between the centres of pixels.
  ///
  /// Outside of the picture all is black.
  fileprivate func interpolated(_ point: FaceLandmarks.Point) -> (Double, Double, Double) {
    let (x, y) = (point.x - 0.5, point.y - 0.5)
    var colour = (0.0, 0.0, 0.0)
    guard x > -1, y > -1, x < Double(width), y < Double(height) else { return colour }
    let (left, top) = (Int(x.rounded(.down)), Int(y.rounded(.down)))
    let (right, down) = (x - Double(left), y - Double(top))
    withPixels { pixels in
      for row in top...top + 1 where row >= 0 && row < height {
        for column in left...left + 1 where column >= 0 && column < width {
          let weight = (row == top ? 1 - down : down) * (column == left ? 1 - right : right)
          let start = 4 * (row * width + column)
          colour.0 += weight * Double(pixels[start])
          colour.1 += weight * Double(pixels[start + 1])
          colour.2 += weight * Double(pixels[start + 2])
        }
      }
    }
    return colour
  }
}
