package com.example.words;

import io.micronaut.core.version.VersionUtils;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Produces;

@Controller
@Produces(MediaType.TEXT_PLAIN)
class WordsController {
    @Get
    String about() {
        return "Micronaut " + VersionUtils.getMicronautVersion() + " on Java " + Runtime.version().feature() + "\n";
    }

    @Get("/reversed/{word}")
    String reversed(String word) {
        return new StringBuilder(word).reverse() + "\n";
    }
}
