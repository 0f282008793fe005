package com.example.greeting;

import com.google.gson.Gson;

/** What the services say. */
public record Greeting(String text, String from) {
    /** Greets in JSON. */
    public static String hello(String name) {
        return new Gson().toJson(new Greeting("hello " + name, "Java " + Runtime.version().feature()));
    }
}
