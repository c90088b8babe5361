import Foundation

#if canImport(CryptoKit)
  import CryptoKit
#endif

/// The files of a model in a folder, which are checked against the manifest.
struct Artifact {
  let manifest: Manifest
  let folder: URL

  /// Checks the size and SHA-256 of every file that the manifest names.
  ///
  /// - Throws: `modelMissing` if none of the files is there, `modelOfAnotherVersion` if the files of
  ///   all components are there and every one of them differs, `modelDamaged` in every other case
  ///   in which a file is missing or differs, and `cancelled`.
  func verify() throws(AvatarError) {
    guard manifest.files.contains(where: exists) else { throw .modelMissing(path: folder.path) }
    let wrong = try wrongFiles()
    guard let first = wrong.first else { return }
    let ofComponents = manifest.files.filter { file in
      manifest.components.contains { file.belongs(to: $0) }
    }
    let isAnother = ofComponents.allSatisfy { wrong.contains($0) && exists($0) }
    guard isAnother else { throw .modelDamaged(file: first.path) }
    throw .modelOfAnotherVersion(reason: "\(wrong.map(\.path).joined(separator: ", ")) differ")
  }

  private func wrongFiles() throws(AvatarError) -> [ModelFile] {
    var wrong: [ModelFile] = []
    for file in manifest.files {
      if Task.isCancelled { throw .cancelled }
      if !isWhole(file) { wrong.append(file) }
    }
    return wrong
  }

  private func exists(_ file: ModelFile) -> Bool {
    FileManager.default.fileExists(atPath: folder.appendingPathComponent(file.path).path)
  }

  private func isWhole(_ file: ModelFile) -> Bool {
    let url = folder.appendingPathComponent(file.path)
    guard let handle = try? FileHandle(forReadingFrom: url) else { return false }
    defer { try? handle.close() }
    guard let size = try? handle.seekToEnd(), size == UInt64(file.byteCount) else { return false }
    return (try? sha256(of: handle)) == file.sha256
  }
}

extension ModelFile {
  /// Returns whether this is the file of the component, or lies in its package.
  func belongs(to component: Component) -> Bool {
    path == component.path || path.hasPrefix("\(component.path)/")
  }
}

/// Returns the SHA-256 of a whole file in lower-case hexadecimal.
///
/// It reads 1 MiB at a time.
func sha256(of file: FileHandle) throws -> String {
  try file.seek(toOffset: 0)
  var hash = PlatformHash()
  while let part = try file.read(upToCount: 1 << 20), !part.isEmpty { hash.add(part) }
  return hash.hex()
}

/// Computes SHA-256 with CryptoKit if the platform has it, else with `SHA256Hash`.
private struct PlatformHash {
  #if canImport(CryptoKit)
    private var hash = SHA256()
    mutating func add(_ part: Data) { hash.update(data: part) }
    func hex() -> String { hash.finalize().map { String(format: "%02x", $0) }.joined() }
  #else
    private var hash = SHA256Hash()
    mutating func add(_ part: Data) { part.withUnsafeBytes { hash.update($0) } }
    func hex() -> String { hash.hexDigest() }
  #endif
}
