/// The options of a studio.
///
/// The defaults suit an app.
public struct StudioOptions: Sendable {
  /// The backend that executes the networks, or nil for the one that fits the kind of the model
  /// files and the platform.
  public var backend: (any Backend)?
  /// The face detector. If it is nil, the face rules do not apply.
  public var faceDetector: (any FaceDetector)?
  /// The detector of landmarks. Models that take aligned faces need it. The others take the centre
  /// square of each selfie, and it is not used.
  public var landmarkDetector: (any FaceLandmarkDetector)?
  /// What the user is entitled to. `AvatarStudio.setEntitlement(_:)` changes it later.
  public var entitlement: Tier
  /// The source of the memory for selfies and for what is computed from them.
  public var allocator: any BufferAllocator
  /// How many networks are held in memory.
  public var memoryPolicy: MemoryPolicy

  /// Creates options. Every parameter has a default.
  public init(
    backend: (any Backend)? = nil, faceDetector: (any FaceDetector)? = Self.platformFaceDetector,
    entitlement: Tier = .free, allocator: any BufferAllocator = SystemAllocator(),
    memoryPolicy: MemoryPolicy = .automatic,
    landmarkDetector: (any FaceLandmarkDetector)? = nil
  ) {
    self.backend = backend
    self.faceDetector = faceDetector
    self.entitlement = entitlement
    self.allocator = allocator
    self.memoryPolicy = memoryPolicy
    self.landmarkDetector = landmarkDetector
  }

  /// Returns the landmark detector if the model takes aligned faces, and nil if it takes centre
  /// squares.
  ///
  /// Throws `landmarkDetectorMissing` if the model needs one and there is none.
  func landmarkDetector(
    for manifest: Manifest
  ) throws(AvatarError) -> (any FaceLandmarkDetector)? {
    guard manifest.takesAlignedFaces else { return nil }
    guard let landmarkDetector else { throw .landmarkDetectorMissing }
    return landmarkDetector
  }

  /// The face detector of Vision on Apple's platforms, and nil elsewhere.
  public static var platformFaceDetector: (any FaceDetector)? {
    #if canImport(Vision)
      return VisionFaceDetector()
    #else
      return nil
    #endif
  }
}
