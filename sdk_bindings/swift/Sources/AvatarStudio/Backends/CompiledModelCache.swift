import Foundation

/// Where compiled Core ML models are kept: `ROOT/DIGEST/COMPONENT.mlmodelc`.
///
/// The folder of a digest holds that model's files only, and folders of other digests are removed,
/// so that an app's update leaves nothing behind. Nothing of a selfie is in it.
struct CompiledModelCache: Sendable {
  let root: URL
  let digest: String

  /// The app's folder for caches, which the system may empty and does not back up.
  static func standardRoot() throws(AvatarError) -> URL {
    do {
      let caches = try FileManager.default.url(
        for: .cachesDirectory, in: .userDomainMask, appropriateFor: nil, create: true)
      return caches.appendingPathComponent("AvatarStudio", isDirectory: true)
    } catch {
      throw Self.failure(error)
    }
  }

  private var folder: URL { root.appendingPathComponent(digest, isDirectory: true) }

  private func file(_ component: String) -> URL {
    folder.appendingPathComponent("\(component).mlmodelc", isDirectory: true)
  }

  /// The component's compiled model; compiles it where it is not there yet.
  ///
  /// - Parameter compile: Compiles into a temporary folder and gives its place; it is moved away.
  /// - Throws: `storageFull`, or `runtimeFailed` for every other failure.
  func model(
    _ component: String, compile: () async throws -> URL
  ) async throws(AvatarError) -> URL {
    let target = file(component)
    if FileManager.default.fileExists(atPath: target.path) { return target }
    do {
      let compiled = try await compile()
      defer { try? FileManager.default.removeItem(at: compiled) }
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try publish(compiled, as: target)
    } catch {
      throw Self.failure(error)
    }
    removeOthers()
    return target
  }

  /// Removes the component's compiled model, because it cannot be loaded (any more).
  func forget(_ component: String) {
    try? FileManager.default.removeItem(at: file(component))
  }

  /// All or nothing: what is moved from another disk is copied beside the target first.
  private func publish(_ compiled: URL, as target: URL) throws {
    let part = folder.appendingPathComponent(".\(UUID().uuidString).part", isDirectory: true)
    defer { try? FileManager.default.removeItem(at: part) }
    try FileManager.default.moveItem(at: compiled, to: part)
    do {
      try FileManager.default.moveItem(at: part, to: target)
    } catch {
      // Somebody else was quicker.
      guard FileManager.default.fileExists(atPath: target.path) else { throw error }
    }
  }

  private func removeOthers() {
    let all = try? FileManager.default.contentsOfDirectory(atPath: root.path)
    for name in all ?? [] where name != digest && name.count == digest.count {
      try? FileManager.default.removeItem(at: root.appendingPathComponent(name))
    }
  }

  /// What an error of Foundation or Core ML means, causes underneath included.
  static func failure(_ error: any Error) -> AvatarError {
    if let error = error as? AvatarError { return error }
    if error is CancellationError { return .cancelled }
    var cause: NSError? = error as NSError
    while let current = cause {
      let isFull = current.code == CocoaError.fileWriteOutOfSpace.rawValue
      if current.domain == NSCocoaErrorDomain, isFull { return .storageFull }
      let codes = [Int(ENOSPC), Int(EDQUOT)]
      if current.domain == NSPOSIXErrorDomain, codes.contains(current.code) { return .storageFull }
      cause = current.userInfo[NSUnderlyingErrorKey] as? NSError
    }
    return .runtimeFailed(component: "Core ML", reason: error.localizedDescription)
  }
}
