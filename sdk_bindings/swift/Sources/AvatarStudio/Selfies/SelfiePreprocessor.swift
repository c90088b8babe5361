/// Converts an upright picture to the identity encoder's input.
///
/// It crops the centre square, whose offset is rounded down, and resizes it to size×size in
/// float32. When it shrinks, it averages over the area that each new pixel covers, fractions of old
/// pixels included. When it enlarges, it interpolates bilinearly with half-pixel centres.
struct SelfiePreprocessor {
  let size: Int
  let allocator: any BufferAllocator

  /// Writes the picture to `result` as sRGB in [0,1], (3,size,size) in row-major order.
  ///
  /// Throws `outOfMemory`.
  func prepare(
    _ picture: Picture, into result: UnsafeMutableBufferPointer<Float>
  ) throws(AvatarError) {
    let side = min(picture.width, picture.height)
    let taps = (0..<size).map { Taps(index: $0, old: side, new: size) }
    let row = try Tensor(shape: [side, 3], allocator: allocator)
    let left = (picture.width - side) / 2
    let top = (picture.height - side) / 2
    picture.withPixels { pixels in
      row.withFloats { row in
        for (y, tap) in taps.enumerated() {
          row.update(repeating: 0)
          for (offset, weight) in tap.weights.enumerated() {
            let start = 4 * ((top + tap.first + offset) * picture.width + left)
            add(pixels[start..<start + 4 * side], weight, to: row)
          }
          for (x, tap) in taps.enumerated() { weigh(row, tap, into: result, at: y * size + x) }
        }
      }
    }
  }

  private func add(
    _ pixels: Slice<UnsafeMutableBufferPointer<UInt8>>, _ weight: Float,
    to row: UnsafeMutableBufferPointer<Float>
  ) {
    let pixels = UnsafeMutableBufferPointer(rebasing: pixels)
    for x in 0..<row.count / 3 {
      row[3 * x] += weight * Float(pixels[4 * x])
      row[3 * x + 1] += weight * Float(pixels[4 * x + 1])
      row[3 * x + 2] += weight * Float(pixels[4 * x + 2])
    }
  }

  private func weigh(
    _ row: UnsafeMutableBufferPointer<Float>, _ tap: Taps,
    into result: UnsafeMutableBufferPointer<Float>, at index: Int
  ) {
    for channel in 0..<3 {
      var sum: Float = 0
      for (offset, weight) in tap.weights.enumerated() {
        sum += weight * row[3 * (tap.first + offset) + channel]
      }
      result[channel * size * size + index] = min(max(sum / 255, 0), 1)
    }
  }
}

/// The consecutive old pixels that one new pixel is computed from along one axis, and their
/// weights, which sum to 1.
private struct Taps {
  let first: Int
  let weights: [Float]

  init(index: Int, old: Int, new: Int) {
    if old >= new {
      // In units of 1/new of an old pixel all edges are integers, so the coverage is exact.
      let (start, stop) = (index * old, (index + 1) * old)
      first = start / new
      weights = (first..<(stop + new - 1) / new).map { pixel in
        let coverage = min(pixel * new + new, stop) - max(pixel * new, start)
        return Float(Double(coverage) / Double(old))
      }
    } else {
      let scaled = (Double(index) + 0.5) * Double(old) / Double(new) - 0.5
      let centre = min(max(scaled, 0), Double(old - 1))
      first = old > 1 ? min(Int(centre), old - 2) : 0
      let share = centre - Double(first)
      weights = old > 1 ? [Float(1 - share), Float(share)] : [1]
    }
  }
}
