import Foundation

/// The rules' limits, applied to what was measured.
struct SelfieRules {
  let limits: [RuleLimits]

  /// The refusal of so many selfies, if any; it comes before any picture is opened.
  func checkCount(_ count: Int) -> [Refusal] {
    refusals(ofSelfie: nil, [.count: Double(count)], earlier: nil)
  }

  /// The rules that the last of some selfies breaks, in the rules' order.
  func check(_ photo: Photo, at index: Int, after earlier: [Photo]) -> [Refusal] {
    var found = photo.measures
    let nearest = photo.nearest(of: earlier)
    found[.difference] = nearest?.difference
    return refusals(ofSelfie: index, found, earlier: nearest?.index)
  }

  private func refusals(
    ofSelfie selfie: Int?, _ found: [SelfieRule: Double], earlier: Int?
  ) -> [Refusal] {
    limits.compactMap { limits in
      guard let value = found[limits.rule], let broken = limits.broken(by: value) else {
        return nil
      }
      let isDouble = limits.rule == .difference
      return Refusal(
        selfie: selfie, rule: limits.rule, measured: value, limit: broken.limit,
        earlier: isDouble ? earlier : nil,
        message: limits.message(value: value, broken: broken))
    }
  }
}

extension RuleLimits {
  fileprivate struct Broken {
    let limit: Double
    let word: String
  }

  fileprivate func broken(by value: Double) -> Broken? {
    if let minimum, !(value >= minimum) { return Broken(limit: minimum, word: "at least") }
    if let maximum, value > maximum { return Broken(limit: maximum, word: "at most") }
    return nil
  }

  fileprivate func message(value: Double, broken: Broken) -> String {
    let measured = "\(rule.rawValue) is \(String(format: "%.3g", value))"
    let expected = "expected \(broken.word) \(String(format: "%g", broken.limit))"
    return "\(measured), \(expected) (\(about))"
  }
}

/// A selfie as the rules see it.
struct Photo {
  /// Of the upright picture, in pixels.
  let width: Int
  let height: Int
  /// Which of the prepared selfies it is.
  let pixels: PreparedPixels
  /// Nil where nobody looked for faces.
  let faces: [FaceBox]?
  /// By rule, `difference` and `count` aside.
  let measures: [SelfieRule: Double]

  init(
    width: Int, height: Int, pixels: PreparedPixels, faces: [FaceBox]?,
    allocator: any BufferAllocator
  ) throws(AvatarError) {
    self.width = width
    self.height = height
    self.pixels = pixels
    self.faces = faces
    let looks = try pixels.measures(allocator: allocator)
    var measures: [SelfieRule: Double] = [
      .side: Double(min(width, height)), .brightness: looks.brightness,
      .contrast: looks.contrast, .sharpness: looks.sharpness,
    ]
    measures[.faces] = faces.map { Double($0.count) }
    if let faces, faces.count == 1, let face = faces.first {
      let side = Double(min(width, height))
      let right = face.x + face.width / 2 - Double(width) / 2
      let down = face.y + face.height / 2 - Double(height) / 2
      measures[.faceSize] = face.width / side
      measures[.faceOffset] = (right * right + down * down).squareRoot() / side
    }
    self.measures = measures
  }

  /// The earlier selfie that this one is most like, the first of several.
  func nearest(of earlier: [Photo]) -> (index: Int, difference: Double)? {
    let all = earlier.enumerated().map { ($0.offset, pixels.difference(to: $0.element.pixels)) }
    return all.min { $0.1 < $1.1 }.map { (index: $0.0, difference: $0.1) }
  }
}

/// One selfie's place, (3,size,size), in the tensor of all.
struct PreparedPixels {
  let all: Tensor
  let place: Int
  let size: Int

  private var range: Range<Int> { place * 3 * size * size..<(place + 1) * 3 * size * size }

  func withFloats<Result, Failure: Error>(
    _ body: (UnsafeMutableBufferPointer<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try all.withFloats { (floats) throws(Failure) in
      try body(UnsafeMutableBufferPointer(rebasing: floats[range]))
    }
  }

  func measures(allocator: any BufferAllocator) throws(AvatarError) -> SelfieMeasures {
    let luma = try Buffer(byteCount: 8 * size * size, allocator: allocator)
    defer { withExtendedLifetime(luma) {} }
    return withFloats { pixels in
      SelfieMeasures(
        UnsafeBufferPointer(pixels), size: size, luma: luma.bytes.bindMemory(to: Double.self))
    }
  }

  func difference(to other: PreparedPixels) -> Double {
    withFloats { mine in
      other.withFloats { theirs in
        meanDifference(UnsafeBufferPointer(mine), UnsafeBufferPointer(theirs))
      }
    }
  }
}
