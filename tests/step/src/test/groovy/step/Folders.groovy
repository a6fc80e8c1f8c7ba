package step

import java.nio.file.FileVisitResult
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.SimpleFileVisitor
import java.nio.file.attribute.BasicFileAttributes

/** Removes folders as Jenkins does. */
class Folders {

    /** Deletes a folder with all that is in it; a symbolic link is deleted itself, never what it names. */
    static void delete(File folder) {
        if (!Files.isDirectory(folder.toPath(), java.nio.file.LinkOption.NOFOLLOW_LINKS)) {
            return
        }
        // Groovy's File.deleteDir() follows links, out of the folder if they lead there.
        Files.walkFileTree(folder.toPath(), new SimpleFileVisitor<Path>() {
            @Override
            FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                Files.delete(file)
                return FileVisitResult.CONTINUE
            }

            @Override
            FileVisitResult postVisitDirectory(Path inner, IOException failure) {
                Files.delete(inner)
                return FileVisitResult.CONTINUE
            }
        })
    }
}
