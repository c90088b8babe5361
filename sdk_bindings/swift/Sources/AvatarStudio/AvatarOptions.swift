/// How a studio works; the defaults are right for apps.
public struct AvatarOptions: Sendable {
  /// What executes the networks; nil takes what the model's kind needs on this platform.
  public var backend: (any Backend)?
  /// What finds faces; nil applies no rule about faces. Vision is the default where there is one.
  public var faceDetector: (any FaceDetector)?
  /// What the user has bought; `AvatarStudio.setEntitlement(_:)` changes it later.
  public var entitlement: Entitlement
  /// Where memory for selfies comes from.
  public var allocator: any BufferAllocator

  /// Options, each with its default.
  public init(
    backend: (any Backend)? = nil, faceDetector: (any FaceDetector)? = Self.platformFaceDetector,
    entitlement: Entitlement = .free, allocator: any BufferAllocator = SystemAllocator()
  ) {
    self.backend = backend
    self.faceDetector = faceDetector
    self.entitlement = entitlement
    self.allocator = allocator
  }

  /// Vision's face detector on Apple's platforms, nil elsewhere.
  public static var platformFaceDetector: (any FaceDetector)? {
    #if canImport(Vision)
      return VisionFaceDetector()
    #else
      return nil
    #endif
  }
}
