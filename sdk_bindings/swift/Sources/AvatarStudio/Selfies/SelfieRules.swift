import Foundation

/// Compares what was measured with the limits of the rules.
struct SelfieRules {
  let limits: [RuleLimits]

  /// Checks the number of selfies. Call it before any selfie is decoded.
  ///
  /// - Parameters:
  ///   - count: The number of selfies.
  ///   - places: The number that the identity encoder takes, which limits it in any case.
  func checkCount(_ count: Int, places: Int) -> [Refusal] {
    let refused = refusals(ofSelfie: nil, [.count: Double(count)], earlier: nil)
    guard refused.isEmpty, count > places else { return refused }
    let limit = RuleLimits(
      rule: .count, min: nil, max: Double(places), about: "selfies that the model takes")
    return SelfieRules(limits: [limit]).checkCount(count, places: count)
  }

  /// Returns the rules that a selfie breaks, in the order of the rules.
  ///
  /// - Parameters:
  ///   - photo: The selfie.
  ///   - index: Its index.
  ///   - earlier: The selfies with smaller indices, for the rule `difference`.
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
      let isDifference = limits.rule == .difference
      return Refusal(
        selfie: selfie, rule: limits.rule, value: value, limit: broken.limit,
        earlier: isDifference ? earlier : nil,
        message: limits.message(value: value, broken: broken))
    }
  }
}

extension RuleLimits {
  /// A limit that a value breaks, and the words that describe it.
  fileprivate struct Broken {
    let limit: Double
    let word: String
  }

  /// Returns the limit that a value breaks, if any.
  ///
  /// A value that is not a number breaks `min`.
  fileprivate func broken(by value: Double) -> Broken? {
    if let min, !(value >= min) { return Broken(limit: min, word: "at least") }
    if let max, value > max { return Broken(limit: max, word: "at most") }
    return nil
  }

  fileprivate func message(value: Double, broken: Broken) -> String {
    let measured = "\(rule.rawValue) is \(String(format: "%.3g", value))"
    let expected = "expected \(broken.word) \(String(format: "%g", broken.limit))"
    return "\(measured), \(expected) (\(about))"
  }
}

/// A decoded and prepared selfie, with what was measured of it.
struct Photo {
  /// The width of the upright picture in pixels.
  let width: Int
  /// The height of the upright picture in pixels.
  let height: Int
  /// The pixels of the prepared selfie.
  let pixels: PreparedPixels
  /// The faces in the upright picture, or nil if there is no face detector.
  let faces: [Face]?
  /// The measures by rule. `difference` and `count` are not among them.
  let measures: [SelfieRule: Double]

  init(
    width: Int, height: Int, pixels: PreparedPixels, faces: [Face]?, aligned: Int?,
    allocator: any BufferAllocator
  ) throws(AvatarError) {
    self.width = width
    self.height = height
    self.pixels = pixels
    self.faces = faces
    let luma = try pixels.measures(allocator: allocator)
    var measures: [SelfieRule: Double] = [
      .side: Double(min(width, height)), .brightness: luma.brightness,
      .contrast: luma.contrast, .sharpness: luma.sharpness,
    ]
    measures[.faces] = (aligned ?? faces?.count).map(Double.init)
    if let faces, faces.count == 1, let face = faces.first {
      let side = Double(min(width, height))
      let right = face.left + face.width / 2 - Double(width) / 2
      let down = face.top + face.height / 2 - Double(height) / 2
      measures[.faceSize] = face.width / side
      measures[.faceOffset] = (right * right + down * down).squareRoot() / side
    }
    self.measures = measures
  }

  /// Returns the earlier selfie with the smallest difference to this one. Of several with the same
  /// difference it returns the first.
  func nearest(of earlier: [Photo]) -> (index: Int, difference: Double)? {
    let all = earlier.enumerated().map { ($0.offset, pixels.difference(to: $0.element.pixels)) }
    return all.min { $0.1 < $1.1 }.map { (index: $0.0, difference: $0.1) }
  }
}

/// The part of the tensor of all selfies, (n,3,size,size), that belongs to one selfie.
struct PreparedPixels {
  let all: Tensor
  let index: Int
  let size: Int

  private var range: Range<Int> { index * 3 * size * size..<(index + 1) * 3 * size * size }

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
