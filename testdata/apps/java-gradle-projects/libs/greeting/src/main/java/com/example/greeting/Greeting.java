package com.example.greeting;

import com.google.gson.Gson;

/** What the services say. */
public class Greeting {
    final String text;
    final String from = "Java " + Runtime.version().feature();

    Greeting(String text) {
        this.text = text;
    }

    /** Greets in JSON. */
    public static String hello(String name) {
        return new Gson().toJson(new Greeting("hello " + name));
    }
}
