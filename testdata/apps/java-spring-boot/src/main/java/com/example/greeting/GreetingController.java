package com.example.greeting;

import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringBootVersion;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

@RestController
class GreetingController {
    record Greeting(String text, String with) {}

    private final String word;

    GreetingController(@Value("${greeting.word}") String word) {
        this.word = word;
    }

    @GetMapping("/greeting")
    Greeting greeting(@RequestParam(defaultValue = "world") String name) {
        return new Greeting(word + ", " + name, "Spring Boot " + SpringBootVersion.getVersion() + " on Java " + Runtime.version().feature());
    }
}
