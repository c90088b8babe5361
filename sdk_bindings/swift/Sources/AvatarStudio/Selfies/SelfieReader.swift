/// Converts selfies to the identity encoder's inputs and checks them against the rules.
struct SelfieReader: Sendable {
  let manifest: Manifest
  let detector: (any FaceDetector)?
  let landmarks: (any FaceLandmarkDetector)?
  let allocator: any BufferAllocator

  /// The identity encoder's inputs: `selfies` (n,3,size,size), sRGB in [0,1], and `mask` (n,), 1 for
  /// each selfie that is present. Absent selfies are zero.
  struct Prepared {
    let selfies: Tensor
    let mask: Tensor
    let refusals: [Refusal]
  }

  /// Decodes, checks and resizes selfies. Only the result outlives the call.
  ///
  /// If the number of selfies breaks a rule, that is the only refusal, and no selfie is decoded.
  /// - Throws: `unreadablePicture`, `runtimeFailed` if the face detector fails, `outOfMemory` or
  ///   `cancelled`.
  func prepare(_ selfies: [Selfie]) async throws(AvatarError) -> sending Prepared {
    let shapes = try EncoderShapes(manifest)
    let all = try Tensor(shape: shapes.selfies, allocator: allocator)
    let mask = try Tensor(shape: [shapes.maxSelfies], allocator: allocator)
    let rules = SelfieRules(limits: manifest.rules)
    var refusals = rules.checkCount(selfies.count, places: shapes.maxSelfies)
    guard refusals.isEmpty else {
      return Prepared(selfies: all, mask: mask, refusals: refusals)
    }
    var photos: [Photo] = []
    for (index, selfie) in selfies.enumerated() {
      if Task.isCancelled { throw .cancelled }
      let pixels = PreparedPixels(all: all, index: index, size: shapes.size)
      let photo = try photo(of: selfie, at: index, into: pixels)
      refusals += rules.check(photo, at: index, after: photos)
      photos.append(photo)
    }
    mask.withFloats { $0.prefix(selfies.count).update(repeating: 1) }
    return Prepared(selfies: all, mask: mask, refusals: refusals)
  }

  private func photo(
    of selfie: Selfie, at index: Int, into pixels: PreparedPixels
  ) throws(AvatarError) -> Photo {
    let picture = try decode(selfie, index)
    let aligned = try landmarks(in: picture)
    try pixels.withFloats { (floats) throws(AvatarError) in
      if let face = aligned?.first, aligned?.count == 1 {
        guard AlignedCrop(size: pixels.size).prepare(picture, face, into: floats) else {
          throw .runtimeFailed(component: "landmark detector", reason: "all points are one")
        }
      } else {
        try SelfiePreprocessor(size: pixels.size, allocator: allocator)
          .prepare(picture, into: floats)
      }
    }
    return try Photo(
      width: picture.width, height: picture.height, pixels: pixels, faces: try faces(in: picture),
      aligned: aligned?.count, allocator: allocator)
  }

  private func landmarks(in picture: Picture) throws(AvatarError) -> [FaceLandmarks]? {
    guard let landmarks else { return nil }
    return try detecting("landmark detector") { try landmarks.landmarks(in: picture) }
  }

  private func decode(_ selfie: Selfie, _ index: Int) throws(AvatarError) -> Picture {
    do throws(PictureFailure) {
      return try selfie.upright(allocator: allocator)
    } catch {
      throw error.ofSelfie(index)
    }
  }

  private func faces(in picture: Picture) throws(AvatarError) -> [Face]? {
    guard let detector else { return nil }
    return try detecting("face detector") { try detector.faces(in: picture) }
  }

  /// Runs a detector of the app and converts its error.
  private func detecting<Result>(
    _ name: String, _ body: () throws -> Result
  ) throws(AvatarError) -> Result {
    do {
      return try body()
    } catch let error as AvatarError {
      throw error
    } catch {
      throw AvatarError.runtimeFailed(component: name, reason: "\(error)")
    }
  }
}

/// The shape of the identity encoder's input `selfies`, (maxSelfies,3,size,size).
private struct EncoderShapes {
  let selfies: [Int]
  let maxSelfies: Int
  let size: Int

  init(_ manifest: Manifest) throws(AvatarError) {
    let shape = try manifest.component(.identityEncoder).input("selfies").shape
    guard shape.count == 4, shape[1] == 3, shape[2] == shape[3], shape[2] > 2 else {
      throw .modelOfAnotherVersion(reason: "selfies are \(shape), expected (n,3,size,size)")
    }
    selfies = shape
    maxSelfies = shape[0]
    size = shape[2]
  }
}

extension Selfie {
  /// Decodes the selfie, turns it upright and composites it onto white.
  func upright(allocator: any BufferAllocator) throws(PictureFailure) -> Picture {
    let picture =
      switch source {
      case .encoded(let data): try PictureDecoder.decode(data, allocator: allocator)
      case .pixels(let pixels, let width, let height):
        try Self.copy(pixels, width, height, allocator: allocator)
      }
    picture.layOnWhite()
    return picture
  }

  private static func copy(
    _ pixels: [UInt8], _ width: Int, _ height: Int, allocator: any BufferAllocator
  ) throws(PictureFailure) -> Picture {
    guard width > 0, height > 0 else { throw .unreadable("\(width)×\(height) pixels") }
    guard width <= Picture.maxPixels / height else { throw .tooLarge(width, height) }
    let channels = pixels.count / (width * height)
    guard pixels.count == channels * width * height, channels == 3 || channels == 4 else {
      throw .unreadable("\(pixels.count) bytes are not \(width)×\(height) pixels in RGB or RGBA")
    }
    let picture = try allocated(width, height, allocator: allocator)
    picture.withPixels { result in
      for index in 0..<width * height {
        for channel in 0..<channels {
          result[4 * index + channel] = pixels[channels * index + channel]
        }
        if channels == 3 { result[4 * index + 3] = 255 }
      }
    }
    return picture
  }

  /// Allocates a picture.
  ///
  /// Throws `outOfMemory`.
  static func allocated(
    _ width: Int, _ height: Int, allocator: any BufferAllocator
  ) throws(PictureFailure) -> Picture {
    do throws(AvatarError) {
      return try Picture(width: width, height: height, allocator: allocator)
    } catch {
      throw PictureFailure(error)
    }
  }
}
