/// Selfies to the identity encoder's inputs, with what the rules say of them.
struct SelfieReader: Sendable {
  let model: ModelDescription
  let detector: (any FaceDetector)?
  let allocator: any BufferAllocator

  /// `selfies` (10,3,128,128) and `mask` (10,) in the library's numbers; absent selfies are zero.
  struct Prepared {
    let selfies: Tensor
    let mask: Tensor
    let refusals: [Refusal]
  }

  /// Decodes, checks and resizes. Nothing of the pictures but the result outlives the call.
  ///
  /// Throws `unreadablePicture`, `runtimeFailed` of the face detector, `outOfMemory`, `cancelled`.
  func prepare(_ selfies: [Selfie]) async throws(AvatarError) -> sending Prepared {
    let shapes = try EncoderShapes(model)
    let all = try Tensor(shape: shapes.selfies, allocator: allocator)
    let mask = try Tensor(shape: [shapes.places], allocator: allocator)
    let rules = SelfieRules(limits: model.rules)
    var refusals = rules.checkCount(selfies.count)
    guard refusals.isEmpty, selfies.count <= shapes.places else {
      return Prepared(selfies: all, mask: mask, refusals: refusals)
    }
    var photos: [Photo] = []
    for (index, selfie) in selfies.enumerated() {
      if Task.isCancelled { throw .cancelled }
      let pixels = PreparedPixels(all: all, place: index, size: shapes.size)
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
    let resize = Resize(size: pixels.size, allocator: allocator)
    try pixels.withFloats { (floats) throws(AvatarError) in
      try resize.apply(picture, into: floats)
    }
    return try Photo(
      width: picture.width, height: picture.height, pixels: pixels, faces: try faces(in: picture),
      allocator: allocator)
  }

  private func decode(_ selfie: Selfie, _ index: Int) throws(AvatarError) -> Picture {
    do throws(PictureFailure) {
      return try selfie.upright(allocator: allocator)
    } catch {
      throw error.ofSelfie(index)
    }
  }

  private func faces(in picture: Picture) throws(AvatarError) -> [FaceBox]? {
    guard let detector else { return nil }
    do {
      return try detector.faces(in: picture)
    } catch let error as AvatarError {
      throw error
    } catch {
      throw AvatarError.runtimeFailed(component: "face detector", reason: "\(error)")
    }
  }
}

/// What the model's description says of the encoder's first input.
private struct EncoderShapes {
  let selfies: [Int]
  let places: Int
  let size: Int

  init(_ model: ModelDescription) throws(AvatarError) {
    let shape = try model.component(.identityEncoder).input("selfies").shape
    guard shape.count == 4, shape[1] == 3, shape[2] == shape[3], shape[2] > 2 else {
      throw .modelOfAnotherVersion(reason: "selfies are \(shape), expected (n,3,size,size)")
    }
    selfies = shape
    places = shape[0]
    size = shape[2]
  }
}

extension Selfie {
  /// Decoded, turned upright and laid on white.
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
    guard width <= Picture.mostPixels / height else { throw .tooLarge(width, height) }
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

  /// An empty picture.
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
